import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  attach,
  backup,
  console0,
  createHost,
  dismount,
  driverless,
  type FileHost,
  mount,
  nic,
  nvme,
  nvmeWithFunctions,
  order,
  pairFirst,
  refusal,
} from './world.js';

let host: FileHost;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.remove());

const disk = '/sys/devices/pci0000:00/0000:00:03.0/0000:02:00.0/nvme/nvme0/nvme0n1';

/** Puts a device mapper or md device on top of a disk. */
function stand(name: string, number: string, on: string, files: Record<string, string>): void {
  const real = `/sys/devices/virtual/block/${name}`;
  for (const [path, text] of Object.entries({ dev: number, ...files }))
    host.put(`${real}/${path}`, `${text}\n`);
  mkdirSync(host.at(`${real}/holders`), { recursive: true });
  host.link(`/sys/class/block/${name}`, real);
  host.link(`${on}/holders/${name}`, real);
}

/** A process of the host with files open, in a mount namespace of its own. */
function process(pid: number, name: string, files: string[], mounts = ''): void {
  host.put(`/proc/${pid}/comm`, `${name}\n`);
  host.put(`/proc/${pid}/mountinfo`, mounts);
  for (const folder of ['fd', 'ns']) mkdirSync(host.at(`/proc/${pid}/${folder}`));
  symlinkSync(`mnt:[${pid}]`, host.at(`/proc/${pid}/ns/mnt`));
  files.forEach((file, at) => symlinkSync(file, host.at(`/proc/${pid}/fd/${at}`)));
}

const partition = `${disk}/nvme0n1p1`;
const uses: [string, () => void, typeof nvme, string][] = [
  ['a mounted disk', () => host.mount('259:0', '/srv'), nvme, 'mount nvme0n1 at /srv'],
  ['a mounted partition', () => host.mount('259:1', '/a\\040b'), nvme, 'mount nvme0n1p1 at /a b'],
  [
    'a mount that only another mount namespace shows',
    () => process(700, 'container', [], '9 1 259:1 / /data rw - ext4 /dev/nvme0n1p1 rw\n'),
    nvme,
    'mount nvme0n1p1 at /data',
  ],
  [
    'a mount told by its source, as btrfs does',
    () => process(700, 'shell', [], '9 1 0:44 / /pool rw - btrfs /dev/nvme0n1 rw\n'),
    nvme,
    'mount nvme0n1 at /pool',
  ],
  [
    'a second disk of a btrfs, which no mount table names',
    () => host.put('/sys/fs/btrfs/f00d/devices/nvme0n1', ''),
    nvme,
    'mount btrfs f00d has nvme0n1',
  ],
  [
    'swap',
    () => host.put('/proc/swaps', 'Filename\n/dev/nvme0n1p1 partition 1 0 -2\n'),
    nvme,
    'swap nvme0n1p1',
  ],
  [
    'LVM, and a mount on top of it',
    () => {
      stand('dm-0', '253:0', partition, { 'dm/name': 'vg-data', 'dm/uuid': 'LVM-abc' });
      host.mount('253:0', '/var/lib');
    },
    nvme,
    'lvm vg-data on nvme0n1p1; mount dm-0 at /var/lib',
  ],
  ['md', () => stand('md0', '9:0', disk, { 'md/level': 'raid1' }), nvme, 'md md0 on nvme0n1'],
  [
    'an encrypted disk below LVM',
    () => {
      stand('dm-0', '253:0', disk, { 'dm/name': 'luks-1', 'dm/uuid': 'CRYPT-LUKS2-1' });
      stand('dm-1', '253:1', '/sys/devices/virtual/block/dm-0', { 'dm/name': 'vg-x', 'dm/uuid': 'LVM-x' });
    },
    nvme,
    'holder luks-1 on nvme0n1; lvm vg-x on dm-0',
  ],
  [
    'ZFS, which shows no holder',
    () => {
      host.put('/run/udev/data/b259:1', 'E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=tank\n');
      host.put('/proc/spl/kstat/zfs/tank/state', 'ONLINE\n');
    },
    nvme,
    'zfs pool tank has nvme0n1p1',
  ],
  [
    'a disk that a program reads raw, e.g. another VM',
    () => process(701, 'qemu-system-x86', ['/dev/nvme0n1']),
    nvme,
    'holder qemu-system-x86 (pid 701) has /dev/nvme0n1 open',
  ],
  [
    'the shared namespace of an NVMe subsystem, which is no child of the controller',
    () => {
      const shared = '/sys/devices/virtual/nvme-subsystem/nvme-subsys0';
      host.put(`${shared}/nvme7n1/dev`, '259:9\n');
      host.link(`${shared}/nvme0`, disk.replace('/nvme0n1', ''));
      host.link('/sys/class/nvme-subsystem/nvme-subsys0', shared);
      host.link('/sys/class/block/nvme7n1', `${shared}/nvme7n1`);
      host.mount('259:9', '/shared');
    },
    nvme,
    'mount nvme7n1 at /shared',
  ],
  [
    'the default route, through a bridge and a VLAN',
    () => {
      host.put(
        '/proc/net/route',
        'Iface\nbr0.7\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\neth0\t0002000A\t0\t0001\t0\t0\t0\t00FFFFFF\t0\n',
      );
      host.put('/sys/devices/virtual/net/br0/upper_br0.7', '');
      host.put('/sys/devices/virtual/net/br0.7/address', '');
      host.link('/sys/class/net/br0', '/sys/devices/virtual/net/br0');
      host.link('/sys/class/net/br0.7', '/sys/devices/virtual/net/br0.7');
      const port = '/sys/devices/pci0000:00/0000:00:02.0/0000:01:00.0/net/enp1s0';
      host.link(`${port}/master`, '/sys/devices/virtual/net/br0');
    },
    nic,
    'default-route enp1s0 carries the default route; bridge-port enp1s0 is a port of br0; bridge-port enp1s0 carries br0.7',
  ],
  [
    'our own connection, over a network that has its own route',
    () =>
      host.put(
        '/proc/net/route',
        'Iface\neth0\t00000000\t0\t0003\t0\t0\t0\t00000000\t0\nenp1s0\t0002000A\t0\t0001\t0\t0\t0\t00FFFFFF\t0\n',
      ),
    nic,
    'own-connection enp1s0 carries the connection of Slipway itself',
  ],
  [
    'an interface that a container took with it',
    () => rmSync(host.at('/sys/class/net/enp1s0')),
    nic,
    'holder its network interface is in another network namespace',
  ],
  [
    'the console of the firmware',
    () => undefined,
    console0,
    'boot-display the firmware shows the console on it',
  ],
  [
    'virtual functions',
    () => {
      const base = '/sys/devices/pci0000:00/0000:00:04.0/0000:03:00.0';
      host.put(`${base}/sriov_numvfs`, '2\n');
      host.link(`${base}/virtfn0`, '/sys/devices/pci0000:00/0000:00:04.0/0000:03:00.1');
      host.link(`${base}/virtfn1`, '/sys/devices/pci0000:00/0000:00:04.0/0000:03:00.2');
    },
    nvmeWithFunctions,
    'virtual-functions 2 enabled: 0000:03:00.1, 0000:03:00.2',
  ],
];

describe('what the host uses is not taken from it', () => {
  it.each(uses)('%s: shown at planning, refused at the moment of acting', async (_, use, device, told) => {
    use();
    const view = await host.hypervisor().inspect({ host: 'kvm-01' });
    const found = view.devices.find(({ address }) => address === device.address)!;
    expect(found.uses.map(({ kind, detail }) => `${kind} ${detail}`).join('; ')).toBe(told);
    await expect(host.act(order(dismount(device)))).rejects.toMatchObject(
      refusal('device-in-use-by-host', { actual: told }),
    );
    expect(host.changes()).toEqual([]);
    expect(host.driver(device.address)).toBe(device.hostDriver);
  });

  it('is not refused for a glance of udev, which is over a moment later', async () => {
    process(702, 'systemd-udevd', ['/dev/nvme0n1']);
    rmSync(host.at('/proc/702/comm'));
    execFileSync('mkfifo', [host.at('/proc/702/comm')]);
    const act = host.act(order(dismount(nvme)));
    // Opens only when the guard has found the open disk and asks for the name of the process.
    const asked = await open(host.at('/proc/702/comm'), 'w');
    rmSync(host.at('/proc/702'), { recursive: true });
    await asked.close();
    expect(await act).toMatchObject({ result: 'done' });
  });
});

describe('what a VM has or may take', () => {
  it('is not dismounted: a VM that is off names it in its definition', async () => {
    host.update((state) => state.domains[1]!.config.push({ address: nvme.address, managed: 'yes' }));
    const view = await host.hypervisor().inspect({ host: 'kvm-01' });
    expect(view.devices.find(({ address }) => address === nvme.address)?.holder).toEqual({
      kind: 'vm',
      vm: 'backup-store',
    });
    await expect(host.act(order(dismount(nvme)))).rejects.toMatchObject(
      refusal('device-in-use-by-vm', { actual: 'VM backup-store' }),
    );
  });

  it('is not given to a second one', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    await expect(host.act(order(attach(nvme, backup, 'cold')))).rejects.toMatchObject(
      refusal('device-in-use-by-vm', { actual: 'VM voip-gateway' }),
    );
    expect(host.vm(backup).config).toEqual([]);
  });

  it('is not pulled from under a process that libvirt does not know', async () => {
    await host.prepare(dismount(driverless));
    process(703, 'dpdk-app', ['/dev/vfio/11']);
    await expect(host.act(order(mount(driverless)))).rejects.toMatchObject(refusal('device-in-use-by-host'));
    await expect(host.act(order(attach(driverless)))).rejects.toMatchObject(refusal('device-in-use-by-vm'));
    expect(host.driver(driverless.address)).toBe('vfio-pci');
  });

  it('is told to be nobody’s when it is bound for VMs and none has it', async () => {
    await host.prepare(dismount(pairFirst));
    const view = await host.hypervisor().inspect({ host: 'kvm-01' });
    expect(view.devices.find(({ address }) => address === pairFirst.address)?.holder).toEqual({
      kind: 'nobody',
      driver: 'vfio-pci',
    });
  });
});

describe('another device at the address', () => {
  it.each([
    ['serial', 'N9'],
    ['device', '0011'],
    ['subsystem', '1af4:1101'],
  ])('is refused by its %s, also when the disk is at rest', async (part, value) => {
    const other = { ...nvme, fingerprint: { ...nvme.fingerprint, [part]: value } };
    await expect(host.act(order(dismount(other)))).rejects.toMatchObject(refusal('fingerprint-mismatch'));
    expect(host.driver(nvme.address)).toBe('nvme');
  });

  it('keeps its serial while VFIO has it and nobody can read it', async () => {
    await host.prepare(dismount(nvme));
    const view = await host.hypervisor().inspect({ host: 'kvm-01' });
    expect(view.devices.find(({ address }) => address === nvme.address)?.fingerprint.serial).toBe('N0');
    const other = { ...nvme, fingerprint: { ...nvme.fingerprint, serial: 'N9' } };
    await expect(host.act(order(attach(other)))).rejects.toMatchObject(refusal('fingerprint-mismatch'));
  });
});
