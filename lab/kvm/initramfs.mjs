// The two small archives: the host's first stage, and a guest's whole system.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { here } from './cache.mjs';
import { newArchive } from './cpio.mjs';
import { pickModules } from './kernel.mjs';
import { must } from './process.mjs';

const hostModules = ['virtio_pci', 'virtio_blk', 'crc32c_generic', 'ext4', 'overlay'];
/** Loaded before the agent starts, and after it. */
const guestFirst = ['virtio_pci', 'virtio_console'];
const guestLater = [
  ...[
    'button',
    'evdev',
    'nvme',
    'e1000e',
    'e1000',
    'xhci_pci',
    'usb_storage',
    'sd_mod',
    'virtio_blk',
    'bochs',
  ],
];
const guestPrograms = ['/usr/sbin/qemu-ga', '/usr/bin/lspci'];

export async function hostInitramfs(root, { modules }) {
  const archive = newArchive();
  await addBusybox(archive, root);
  archive.file('init', await readFile(join(here, 'host/initramfs-init')), 0o755);
  for (const place of ['proc', 'sys', 'dev']) archive.directory(place);
  await addModules(archive, 'order', await pickModules(modules, hostModules));
  return archive.bytes();
}

export async function guestInitramfs(root, { modules }) {
  const archive = newArchive();
  await addBusybox(archive, root);
  archive.file('init', await readFile(join(here, 'guest/init')), 0o755);
  archive.file('sbin/shutdown', await readFile(join(here, 'guest/shutdown')), 0o755);
  archive.file('bin/lab-disk', await readFile(join(here, 'guest/lab-disk')), 0o755);
  for (const place of ['proc', 'sys', 'dev', 'run', 'tmp', 'var', 'root']) archive.directory(place);
  archive.symlink('var/run', '../run');
  for (const program of guestPrograms) await addProgram(archive, root, program);
  const first = await pickModules(modules, guestFirst);
  const later = (await pickModules(modules, guestLater)).filter((file) => !first.includes(file));
  await addModules(archive, 'first', first);
  await addModules(archive, 'later', later);
  return archive.bytes();
}

/** One static program and a link for each of its commands. */
async function addBusybox(archive, root) {
  const busybox = join(root, 'bin/busybox');
  archive.file('bin/busybox', await readFile(busybox), 0o755);
  const commands = (await must([busybox, '--list'])).split('\n').filter(Boolean);
  for (const command of commands) if (command !== 'busybox') archive.symlink(`bin/${command}`, 'busybox');
}

/** A program of the host's tree with the libraries it loads. */
async function addProgram(archive, root, program) {
  archive.file(program, await readFile(join(root, program)), 0o755);
  const listed = await must(['chroot', root, 'ldd', program]);
  for (const [library] of listed.matchAll(/\/\S+\.so\S*/g)) {
    archive.file(library, await readFile(join(root, library)), 0o755);
  }
}

async function addModules(archive, list, files) {
  for (const file of files) archive.file(`modules/${basename(file)}`, await readFile(file));
  archive.file(`modules/${list}`, files.map((file) => `${basename(file)}\n`).join(''));
}
