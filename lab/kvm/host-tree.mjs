// Turns a plain Debian tree into the lab's host: its identity, its keys, its settings, its guests.
import { createHash } from 'node:crypto';
import { appendFile, copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { here } from './cache.mjs';
import { domains, domainXml, guestFiles } from './domains.mjs';
import { pickModules } from './kernel.mjs';
import { must } from './process.mjs';

const hostModules = [
  ...[
    'virtio_pci',
    'virtio_net',
    'virtio_blk',
    'nvme',
    'e1000e',
    'e1000',
    'xhci_pci',
    'usb_storage',
    'sd_mod',
  ],
  ...[
    'bochs',
    'vfio_pci',
    'vfio_iommu_type1',
    'kvm_amd',
    'tun',
    'bridge',
    'dm_mod',
    'md_mod',
    'raid1',
    'ext4',
  ],
  ...['crc32c_generic', 'loop', 'overlay'],
];
export const hostName = 'kvm-01';
/** Given, so that the host is the same host at every start. */
const machineId = createHash('sha256').update('slipway lab kvm-01').digest('hex').slice(0, 32);

/** Fills `root`; puts the client's key pair (id, id.pub) and the host's public key (host.pub) into `keys`. */
export async function furnishHost({ root, kernel, guest, keys }) {
  await addIdentity(root);
  await addKeys(root, keys);
  await addModules(root, kernel);
  await addSettings(root);
  await addGuests(root, guest);
}

async function addIdentity(root) {
  await put(root, 'etc/machine-id', `${machineId}\n`);
  await put(root, 'etc/hostname', `${hostName}\n`);
  await put(root, 'etc/hosts', `127.0.0.1 localhost ${hostName}\n`);
}

async function addKeys(root, keys) {
  const newKey = (file, comment) =>
    must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file]);
  await newKey(join(keys, 'id'), 'slipway-lab');
  await put(root, 'root/.ssh/authorized_keys', await readFile(join(keys, 'id.pub')), 0o600);
  const hostKey = join(root, 'etc/ssh/ssh_host_ed25519_key');
  for (const kind of ['rsa', 'ecdsa', 'ed25519']) {
    await rm(join(root, `etc/ssh/ssh_host_${kind}_key`), { force: true });
    await rm(join(root, `etc/ssh/ssh_host_${kind}_key.pub`), { force: true });
  }
  await newKey(hostKey, hostName);
  await copyFile(`${hostKey}.pub`, join(keys, 'host.pub'));
}

async function addModules(root, { release, modules }) {
  const target = join(root, 'lib/modules', release);
  const lists = ['modules.order', 'modules.builtin', 'modules.builtin.modinfo'].map((name) =>
    join(modules, name),
  );
  for (const file of [...lists, ...(await pickModules(modules, hostModules))]) {
    const copy = join(target, relative(modules, file));
    await mkdir(dirname(copy), { recursive: true });
    await copyFile(file, copy);
  }
  await must(['depmod', '-b', root, release]);
}

async function addSettings(root) {
  const give = async (name, path, mode) => put(root, path, await readFile(join(here, 'host', name)), mode);
  await give('init', 'lab/init', 0o755);
  await give('libvirtd-start', 'lab/libvirtd-start', 0o755);
  await give('sshd_config', 'etc/ssh/sshd_config');
  await give('qemu.conf', 'etc/libvirt/qemu.conf');
  await give('libvirtd.conf', 'etc/libvirt/libvirtd.conf');
  await give('modprobe.conf', 'etc/modprobe.d/lab.conf');
  await addAccount(
    root,
    'libvirt-qemu',
    'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/bin/false',
    'x:64055:',
  );
  await addAccount(root, 'kvm', undefined, 'x:104:');
  for (const place of [
    'etc/libvirt/qemu',
    'var/lib/libvirt/qemu',
    'var/log/libvirt/qemu',
    'var/cache/libvirt/qemu',
  ]) {
    await mkdir(join(root, place), { recursive: true });
  }
  await mkdir(join(root, 'var/log/guests'), { recursive: true });
  await mkdir(join(root, 'usr/local/lib/slipway'), { recursive: true });
  // Drivers this host has no use for would only make the daemon start later.
  const drivers = join(root, 'usr/lib/x86_64-linux-gnu/libvirt/connection-driver');
  for (const name of ['nwfilter', 'network', 'interface']) {
    await rm(join(drivers, `libvirt_driver_${name}.so`), { force: true });
  }
}

/** Accounts which libvirt-daemon-system would have made; that package wants systemd. */
async function addAccount(root, name, user, group) {
  const has = async (file) => (await readFile(join(root, file), 'utf8')).includes(`\n${name}:`);
  if (user && !(await has('etc/passwd'))) await appendFile(join(root, 'etc/passwd'), `${user}\n`);
  if (!(await has('etc/group'))) await appendFile(join(root, 'etc/group'), `${name}:${group}\n`);
}

async function addGuests(root, guest) {
  await mkdir(join(root, dirname(guestFiles.kernel)), { recursive: true });
  await cp(guest.kernel, join(root, guestFiles.kernel));
  await writeFile(join(root, guestFiles.initramfs), guest.initramfs);
  for (const domain of domains) await put(root, `lab/domains/${domain.name}.xml`, domainXml(domain));
}

async function put(root, path, data, mode = 0o644) {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true, mode: path.includes('.ssh/') ? 0o700 : 0o755 });
  await rm(file, { force: true });
  await writeFile(file, data, { mode });
}
