import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Act,
  type ActDevice,
  type ActReport,
  type ActVm,
  claimKeys,
  type Order,
} from '../../../domain/act.js';
import type { Reason } from '../../../domain/failures.js';
import { createLibvirtHypervisor, type LibvirtOptions } from '../../../hypervisors/libvirt/adapter.js';

/** A device of the host made of files. `home` is the host's driver, `group` its IOMMU group. */
interface FileDevice {
  address: string;
  under: string;
  ids: [vendor: string, device: string];
  class: string;
  home: string | null;
  group: string;
  reset?: string;
  files?: Record<string, string>;
  nvme?: { serial: string; disk: string; number: string; partition?: string };
  net?: string;
}

const bus = '/sys/devices/pci0000:00';
const behind = (port: string): string => `${bus}/0000:00:${port}`;

/** The host of the transcripts: two NVMe, two network cards in two shapes, a pair behind a bridge, a console. */
const devices: FileDevice[] = [
  ...['02', '03', '04', '05', '06', '07'].map((slot) =>
    bridge(`0000:00:${slot}.0`, bus, String(Number(slot))),
  ),
  card('0000:01:00.0', behind('02.0'), ['8086', '10d3'], '020000', 'e1000e', '8', { net: 'enp1s0' }),
  card('0000:02:00.0', behind('03.0'), ['1b36', '0010'], '010802', 'nvme', '9', {
    reset: 'flr bus',
    nvme: { serial: 'N0', disk: 'nvme0', number: '259:0', partition: '259:1' },
  }),
  card('0000:03:00.0', behind('04.0'), ['1b36', '0010'], '010802', 'nvme', '10', {
    nvme: { serial: 'S1', disk: 'nvme1', number: '259:2' },
    files: { sriov_totalvfs: '2', sriov_numvfs: '0' },
  }),
  card('0000:04:00.0', behind('05.0'), ['1234', '11e8'], '00ff00', null, '11', { reset: 'bus' }),
  card('0000:05:00.0', behind('06.0'), ['8086', '10d3'], '020000', 'e1000e', '12', { net: 'enp5s0f0' }),
  card('0000:05:00.1', behind('06.0'), ['8086', '10d3'], '020000', 'e1000e', '12', { net: 'enp5s0f1' }),
  { ...bridge('0000:06:00.0', behind('07.0'), '13'), home: null },
  card('0000:07:01.0', `${behind('07.0')}/0000:06:00.0`, ['8086', '100e'], '020000', 'e1000', '13', {
    net: 'ens1',
  }),
  card('0000:07:02.0', `${behind('07.0')}/0000:06:00.0`, ['8086', '100e'], '020000', 'e1000', '13', {
    reset: '',
  }),
  card('0000:00:1b.0', bus, ['1234', '1111'], '030000', 'bochs-drm', '14', { files: { boot_vga: '1' } }),
];

function bridge(address: string, under: string, group: string): FileDevice {
  return { address, under, ids: ['1b36', '000c'], class: '060400', home: 'pcieport', group, reset: '' };
}

function card(
  address: string,
  under: string,
  ids: FileDevice['ids'],
  code: string,
  home: string | null,
  group: string,
  more: Partial<FileDevice> = {},
): FileDevice {
  return { address, under, ids, class: code, home, group, reset: 'pm bus', ...more };
}

/** What the virsh of this host keeps; every part may be changed by a test. */
export interface FileState {
  iommu: 'on' | 'off';
  iommuModels: boolean;
  daemonDownUntil?: number;
  domains: FileDomain[];
  devices: Record<string, { home: string | null; links: Record<string, string> }>;
  rules: Rule[];
}

export interface FileDomain {
  name: string;
  uuid: string;
  pid: number;
  power: 'running' | 'paused' | 'shut off';
  reason: string;
  saved?: boolean;
  memoryKiB: number;
  ports: number;
  agent: boolean;
  /** Ways to ask it to shut down which it obeys. */
  obeys: string[];
  guest: 'cooperative' | 'hung' | 'busy' | 'pending' | 'refuses';
  releaseSeconds?: number;
  shutdownSeconds?: number;
  agentAwaySeconds?: number;
  shell?: boolean;
  metadata?: string;
  live: { address: string; alias?: string; managed?: string; bus?: number | null }[];
  config: { address: string; alias?: string; managed?: string; bus?: number | null }[];
  devicesSeen: Record<string, { vendor: string; device: string; driver: string | null }>;
}

/** Bends the next calls of virsh whose words contain all of `match`. */
export interface Rule {
  match: string[];
  times?: number;
  stderr?: string;
  stdout?: string;
  code?: number;
  effect?: boolean;
  sleep?: number;
  die?: 'before' | 'after';
}

export const voip: ActVm = { name: 'voip-gateway', uuid: '6f1d2b40-0c55-4c0e-9d7e-1c3a5e7f9001' };
export const backup: ActVm = { name: 'backup-store', uuid: '6f1d2b40-0c55-4c0e-9d7e-1c3a5e7f9002' };

export const nvme = device('0000:02:00.0', 'N0');
export const nvmeWithFunctions = device('0000:03:00.0', 'S1');
export const nic = device('0000:01:00.0');
export const driverless = device('0000:04:00.0');
export const cardFirst = device('0000:05:00.0');
export const cardSecond = device('0000:05:00.1');
export const pairFirst = device('0000:07:01.0');
export const pairSecond = device('0000:07:02.0');
export const console0 = device('0000:00:1b.0');

function device(address: string, serial?: string): ActDevice {
  const found = devices.find((one) => one.address === address)!;
  const members = devices.filter((one) => one.group === found.group && !one.class.startsWith('06'));
  const unit = devices.find((one) => one.group === found.group)!.address;
  return {
    address,
    mode: 'pci',
    fingerprint: {
      vendor: found.ids[0],
      device: found.ids[1],
      subsystem: '1af4:1100',
      class: found.class,
      ...(serial ? { serial } : {}),
    },
    unit: `iommu:${unit}`,
    members: members.map((one) => one.address).sort(),
    hostDriver: found.home,
  };
}

const here = fileURLToPath(new URL('host', import.meta.url));

export type FileHost = ReturnType<typeof createHost>;

/** A KVM host made of files below one directory, with a virsh that keeps its state there. */
export function createHost(change: (state: FileState) => void = () => undefined) {
  const root = mkdtempSync(join(tmpdir(), 'slk-'));
  chmodSync(root, 0o700);
  const at = (path: string): string => join(root, path);
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text);
  };
  const link = (path: string, target: string): void => {
    mkdirSync(dirname(at(path)), { recursive: true });
    rmSync(at(path), { force: true });
    symlinkSync(relative(dirname(path), target), at(path));
  };

  cpSync(here, at('/fake'), { recursive: true });
  put('/etc/machine-id', '0123456789abcdef0123456789abcdef\n');
  put('/etc/ssh/ssh_host_ed25519_key.pub', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE host\n');
  put('/proc/sys/kernel/random/boot_id', 'b7d5c1f0-0000-4000-8000-000000000001\n');
  put('/proc/swaps', 'Filename\tType\tSize\tUsed\tPriority\n');
  put('/proc/net/route', routes);
  put('/proc/net/ipv6_route', '');
  put('/proc/1/mountinfo', '1 0 254:0 / / rw - ext4 /dev/vda rw\n');
  put('/proc/1/comm', 'init\n');
  mkdirSync(at('/proc/1/ns'), { recursive: true });
  symlinkSync('mnt:[1]', at('/proc/1/ns/mnt'));
  put('/sys/devices/virtual/net/lo/address', '00:00:00:00:00:00');
  link('/sys/class/net/lo', '/sys/devices/virtual/net/lo');
  put('/sys/devices/pci0000:00/0000:00:1d.0/net/eth0/address', '52:54:00:12:34:56');
  link('/sys/class/net/eth0', '/sys/devices/pci0000:00/0000:00:1d.0/net/eth0');
  put('/usr/share/misc/pci.ids', names);
  for (const name of ['vfio_pci', 'vfio_iommu_type1'])
    mkdirSync(at(`/sys/module/${name}`), { recursive: true });
  for (const path of ['/usr/local/lib', '/var/lib']) mkdirSync(at(path), { recursive: true });
  const known = Object.fromEntries(
    devices.map((one) => [one.address, { home: one.home, links: furnish(one) }]),
  );

  /** Writes a device's part of sysfs; returns the links that exist only while the host's driver has it. */
  function furnish(one: FileDevice): Record<string, string> {
    const real = `${one.under}/${one.address}`;
    const [vendor, id] = one.ids;
    const texts = { vendor: `0x${vendor}`, device: `0x${id}`, class: `0x${one.class}`, ...one.files };
    const more = { subsystem_vendor: '0x1af4', subsystem_device: '0x1100', reset_method: one.reset ?? '' };
    for (const [name, text] of Object.entries({ ...texts, ...more, driver_override: '(null)' }))
      put(`${real}/${name}`, `${text}\n`);
    link(`/sys/bus/pci/devices/${one.address}`, real);
    if (one.home) {
      mkdirSync(at(`/sys/bus/pci/drivers/${one.home}`), { recursive: true });
      symlinkSync(`../../../../bus/pci/drivers/${one.home}`, at(`${real}/driver`));
    }
    link(`${real}/iommu_group`, `/sys/kernel/iommu_groups/${one.group}`);
    link(`/sys/kernel/iommu_groups/${one.group}/devices/${one.address}`, real);
    return {
      ...(one.nvme ? furnishNvme(real, one.nvme) : {}),
      ...(one.net ? furnishNet(real, one.net) : {}),
    };
  }

  function furnishNvme(real: string, { serial, disk, number, partition }: NonNullable<FileDevice['nvme']>) {
    const controller = `${real}/nvme/${disk}`;
    put(`${controller}/serial`, `${serial}                  \n`);
    put(`${controller}/${disk}n1/dev`, `${number}\n`);
    mkdirSync(at(`${controller}/${disk}n1/holders`));
    put(`/dev/${disk}n1`, '');
    const links: Record<string, string> = {};
    const show = (name: string, place: string): void => {
      link(`/sys/class/block/${name}`, place);
      links[`/sys/class/block/${name}`] = readlinkSync(at(`/sys/class/block/${name}`));
    };
    show(`${disk}n1`, `${controller}/${disk}n1`);
    if (partition) {
      put(`${controller}/${disk}n1/${disk}n1p1/dev`, `${partition}\n`);
      put(`${controller}/${disk}n1/${disk}n1p1/partition`, '1\n');
      mkdirSync(at(`${controller}/${disk}n1/${disk}n1p1/holders`));
      put(`/dev/${disk}n1p1`, '');
      show(`${disk}n1p1`, `${controller}/${disk}n1/${disk}n1p1`);
    }
    return links;
  }

  function furnishNet(real: string, name: string): Record<string, string> {
    put(`${real}/net/${name}/address`, '52:54:00:00:00:01\n');
    link(`/sys/class/net/${name}`, `${real}/net/${name}`);
    return { [`/sys/class/net/${name}`]: readlinkSync(at(`/sys/class/net/${name}`)) };
  }

  const state: FileState = {
    iommu: 'on',
    iommuModels: true,
    domains: [domain(voip, 4001), domain(backup, 4002, 'shut off')],
    devices: known,
    rules: [],
  };
  change(state);
  if (state.iommu === 'off') {
    rmSync(at('/sys/kernel/iommu_groups'), { recursive: true });
    mkdirSync(at('/sys/kernel/iommu_groups'));
    for (const one of devices) rmSync(at(`${one.under}/${one.address}/iommu_group`));
  }
  const store = (next: FileState): void => {
    writeFileSync(at('/fake/state.json.test'), JSON.stringify(next));
    renameSync(at('/fake/state.json.test'), at('/fake/state.json'));
  };
  store(state);
  // Its first call writes the files of the domains.
  execFileSync(at('/fake/virsh'), ['-c', 'qemu:///system', 'list', '--all', '--uuid']);

  const read = (): FileState => JSON.parse(readFileSync(at('/fake/state.json'), 'utf8')) as FileState;
  const pathOf = (address: string): string => `/sys/bus/pci/devices/${address}`;
  const linesOf = (path: string): string[][] =>
    existsSync(at(path))
      ? readFileSync(at(path), 'utf8')
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as string[])
      : [];

  return {
    root,
    at,
    put,
    link,
    state: read,
    update(edit: (state: FileState) => void): void {
      const next = read();
      edit(next);
      store(next);
    },
    vm: (vm: ActVm): FileDomain => read().domains.find((one) => one.uuid === vm.uuid)!,
    /** How the ssh of this host behaves; see host/ssh. */
    connection(told: { end?: string; code?: number; words?: string[] }): void {
      put('/fake/ssh.json', JSON.stringify(told));
    },
    bend(...rules: Rule[]): void {
      this.update((next) => next.rules.push(...rules));
    },
    driver(address: string): string | null {
      const path = at(`${pathOf(address)}/driver`);
      try {
        return basename(readlinkSync(path));
      } catch {
        return null;
      }
    },
    override: (address: string): string =>
      readFileSync(at(`${pathOf(address)}/driver_override`), 'utf8').trim(),
    /** Mounts a device, as a person on the host would. */
    mount(number: string, point: string): void {
      const table = at('/proc/1/mountinfo');
      writeFileSync(table, `${readFileSync(table, 'utf8')}2 1 ${number} / ${point} rw - ext4 /dev/x rw\n`);
    },
    virshCalls: (): string[][] => linesOf('/fake/virsh.log').map((argv) => argv.slice(2)),
    /** Calls of virsh that change something, without the words that every call has. */
    changes(): string[][] {
      const reading = ['list', 'domstate', 'dumpxml', 'event', 'qemu-agent-command'];
      return this.virshCalls().filter(([first = '']) => !reading.includes(first.split(/[ ;]/)[0] ?? ''));
    },
    sshCalls: (): string[][] => linesOf('/fake/ssh.log'),
    journal: (): string[] => (existsSync(at(journalPath)) ? readdirSync(at(journalPath)) : []),
    options: (more: Partial<LibvirtOptions> = {}): LibvirtOptions => ({
      hostId: 'kvm-01',
      ssh: {
        host: '127.0.0.1',
        port: 2222,
        user: 'root',
        identityFile: at('id'),
        knownHostsFile: at('known_hosts'),
      },
      runtimeDir: at('run-slipway'),
      program: at('/fake/ssh'),
      patience: { detachSeconds: 3, shutdownSeconds: 2 },
      ...more,
    }),
    hypervisor(more: Partial<LibvirtOptions> = {}) {
      return createLibvirtHypervisor(this.options(more));
    },
    act(given: Order, more: Partial<LibvirtOptions> = {}): Promise<ActReport> {
      return this.hypervisor(more).act(given, () => undefined, new AbortController().signal);
    },
    async until(so: () => boolean): Promise<void> {
      const deadline = Date.now() + 20_000;
      while (!so()) {
        if (Date.now() > deadline) throw new Error('it did not become so within 20 s');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    /** Does these one after the other; for what must be so before a test begins. */
    async prepare(...acts: Omit<Act, 'host'>[]): Promise<void> {
      for (const act of acts) await this.act(order(act));
    },
    identity,
    /** An act goes on when its connection is gone: its host goes when the last one has ended. */
    async remove(): Promise<void> {
      await this.until(() => !isUsed(root));
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Whether a process runs that was given a path below this folder. */
function isUsed(folder: string): boolean {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return processes.some((id) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  });
}

const journalPath = '/var/lib/slipway-guard/journal';

export const identity = createHash('sha256')
  .update('0123456789abcdef0123456789abcdef\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE\n')
  .digest('hex');

const routes =
  'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n' +
  'eth0\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n' +
  'eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n';

const names =
  '# a list\n1234  Technical Corp.\n\t1111  QEMU Virtual Video Controller\n1b36  Red Hat, Inc.\n' +
  '\t0010  QEMU NVM Express Controller\n8086  Intel Corporation\n\t10d3  82574L Gigabit Network Connection\n' +
  '\t\t8086 a01f  Desktop Adapter\nC 01  Mass storage controller\n';

function domain(vm: ActVm, pid: number, power: FileDomain['power'] = 'running'): FileDomain {
  const seen = devices.map(
    (one) => [one.address, { vendor: one.ids[0], device: one.ids[1], driver: one.home }] as const,
  );
  return {
    ...vm,
    pid,
    power,
    reason: 'booted',
    memoryKiB: 262144,
    ports: 4,
    agent: true,
    obeys: ['agent', 'acpi'],
    guest: 'cooperative',
    live: [],
    config: [],
    devicesSeen: Object.fromEntries(seen),
  };
}

/** How an act is expected to be refused. */
export const refusal = (reason: Reason, more: object = {}) => ({ failure: { reason, ...more } });

let orders = 0;

/** An order as the worker would give it; every new one is the newest. */
export function order(act: Omit<Act, 'host'>, more: Partial<Order> = {}): Order {
  orders += 1;
  const whole: Act = { host: 'kvm-01', ...act };
  return {
    opId: `op-${orders}`,
    epoch: 1,
    sequence: orders,
    attempt: 1,
    keys: claimKeys(identity, [whole]),
    hostIdentity: identity,
    act: whole,
    ...more,
  };
}

export const dismount = (one: ActDevice): Omit<Act, 'host'> => ({ verb: 'dismount', device: one });
export const mount = (one: ActDevice): Omit<Act, 'host'> => ({ verb: 'mount', device: one });
export const attach = (one: ActDevice, vm = voip, placement: 'hot' | 'cold' = 'hot'): Omit<Act, 'host'> => ({
  verb: 'attach',
  device: one,
  vm,
  placement,
});
export const detach = (one: ActDevice, vm = voip, placement: 'hot' | 'cold' = 'hot'): Omit<Act, 'host'> => ({
  verb: 'detach',
  device: one,
  vm,
  placement,
});
