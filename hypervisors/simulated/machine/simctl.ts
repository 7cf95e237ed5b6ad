import { parseArgs } from 'node:util';
import type { NativeCommand } from '../../../domain/act.js';
import { refuse } from './refusal.js';
import { type MachineDevice, type MachineHost, type MachineVm, passthroughDriver, runsOn } from './state.js';

/** A native command, ready to run on one host. It knows no rules of Slipway: it does what it is told, like virsh. */
export interface Simctl {
  argv: string[];
  already(): boolean;
  /** Returns what the tool prints. Throws a refusal when the host itself can't do it. */
  run(opId: string | null): string;
  /** Leaves the effect half done, for injected faults. */
  half(): void;
}

const options = {
  device: { type: 'string' },
  vm: { type: 'string' },
  live: { type: 'boolean' },
  config: { type: 'boolean' },
  name: { type: 'string' },
  value: { type: 'string' },
} as const;

/** What the guard lets through. */
export const guardedVerbs = [
  'dismount',
  'mount',
  'attach',
  'detach',
  'shutdown',
  'power-cut',
  'start',
  'set',
] as const;
type GuardedVerb = (typeof guardedVerbs)[number];

export function parseSimctl(host: MachineHost, { tool, argv }: NativeCommand): Simctl {
  if (tool !== 'simctl') refuse('bad-request', `the guard runs simctl only, not ${JSON.stringify(tool)}`);
  const [verb, ...rest] = argv;
  if (!isGuardedVerb(verb)) refuse('bad-request', `the guard does not run simctl ${JSON.stringify(verb)}`);
  const given = parseOptions(rest);
  return { argv, ...build[verb](host, given) };
}

type Given = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
type Built = Omit<Simctl, 'argv'>;

function parseOptions(argv: string[]): Given {
  try {
    return parseArgs({ args: argv, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    return refuse('bad-request', `simctl: ${(error as Error).message}`);
  }
}

function isGuardedVerb(verb: string | undefined): verb is GuardedVerb {
  return guardedVerbs.some((known) => known === verb);
}

const build: Record<GuardedVerb, (host: MachineHost, given: Given) => Built> = {
  dismount(host, given) {
    const device = deviceOf(host, given.device);
    return {
      already: () => device.reserved && device.driver === passthroughDriver,
      run() {
        if (host.iommu === 'off') refuse('no-iommu', 'device assignment is not supported on this host');
        const vm = host.vms.find((one) => one.live.includes(device.address));
        if (vm) refuse('vm-holds-it', `device ${device.address} is in use by VM ${vm.name}`);
        Object.assign(device, { reserved: true, driver: device.bridge ? null : passthroughDriver });
        return `Device ${device.address} dismounted`;
      },
      half: () => Object.assign(device, { reserved: true, driver: null }),
    };
  },
  mount(host, given) {
    const device = deviceOf(host, given.device);
    return {
      already: () => !device.reserved && device.driver === device.homeDriver,
      run() {
        const vm = host.vms.find((one) => one.live.includes(device.address));
        if (vm) refuse('vm-holds-it', `device ${device.address} is in use by VM ${vm.name}`);
        Object.assign(device, { reserved: false, driver: device.homeDriver });
        return `Device ${device.address} mounted`;
      },
      half: () => Object.assign(device, { reserved: false, driver: null }),
    };
  },
  attach(host, given) {
    const vm = vmOf(host, given.vm);
    const device = deviceOf(host, given.device);
    const list = place(vm, given);
    return {
      already: () => list.includes(device.address),
      run() {
        if (given.live) plugIn(host, vm, device);
        list.push(device.address);
        list.sort();
        return `Device ${device.address} attached`;
      },
      half: () => undefined,
    };
  },
  detach(host, given) {
    const vm = vmOf(host, given.vm);
    const { address } = deviceOf(host, given.device);
    const list = place(vm, given);
    return {
      already: () => !list.includes(address),
      run(opId) {
        if (!given.live) unplug(vm, 'config', address);
        else requestUnplug(vm, address, opId);
        // Like libvirt, the tool reports success although a silent guest still has the device.
        return `Device ${address} detached`;
      },
      half: () => undefined,
    };
  },
  shutdown(host, given) {
    const vm = vmOf(host, given.vm);
    return {
      already: () => !runsOn(vm),
      run() {
        if (vm.power === 'running' && vm.guest.shutdown === 'obeys') powerOff(vm);
        return `VM ${vm.name} is being shut down`;
      },
      half: () => (vm.power = 'paused'),
    };
  },
  'power-cut'(host, given) {
    const vm = vmOf(host, given.vm);
    return {
      already: () => !runsOn(vm),
      run() {
        powerOff(vm);
        return `VM ${vm.name} is off`;
      },
      half: () => (vm.power = 'paused'),
    };
  },
  start(host, given) {
    const vm = vmOf(host, given.vm);
    return {
      already: () => vm.power === 'running',
      run() {
        if (!runsOn(vm)) powerOn(host, vm);
        vm.power = 'running';
        answerUnplugs(vm);
        return `VM ${vm.name} is running`;
      },
      half: () => (vm.power = 'paused'),
    };
  },
  set(host, given) {
    const vm = vmOf(host, given.vm);
    const { name, value } = given;
    if (!name || value === undefined) refuse('bad-request', 'simctl set needs --name and --value');
    return {
      already: () => vm.settings[name] === value,
      run() {
        vm.settings[name] = value;
        return `VM ${vm.name}: ${name} set`;
      },
      half: () => undefined,
    };
  },
};

export function deviceOf(host: MachineHost, address: string | undefined): MachineDevice {
  const device = host.devices.find((one) => one.address === address);
  return (
    device ??
    refuse('no-such-device', `no device with this address on host ${host.id}`, {
      actual: JSON.stringify(address),
    })
  );
}

export function vmOf(host: MachineHost, name: string | undefined): MachineVm {
  const vm = host.vms.find((one) => one.name === name);
  return (
    vm ?? refuse('no-such-vm', `no VM of this name on host ${host.id}`, { actual: JSON.stringify(name) })
  );
}

function place(vm: MachineVm, given: Given): string[] {
  if (given.live === given.config) refuse('bad-request', 'simctl needs exactly one of --live and --config');
  return given.live ? vm.live : vm.config;
}

/** What a hypervisor itself demands when a device is plugged into a running VM. */
function plugIn(host: MachineHost, vm: MachineVm, device: MachineDevice): void {
  const at = { vm: vm.name, address: device.address };
  if (vm.power !== 'running')
    refuse('wrong-power', 'VM is not running', { ...at, expected: 'running', actual: vm.power });
  if (vm.live.length >= vm.ports)
    refuse('no-port', 'no more available hot-plug ports', { ...at, actual: '0 free' });
  takeOver(host, vm, device);
}

function takeOver(host: MachineHost, vm: MachineVm, device: MachineDevice): void {
  const at = { vm: vm.name, address: device.address };
  if (host.iommu === 'off') refuse('no-iommu', 'host doesn’t support passthrough of devices', at);
  const holder = host.vms.find((one) => one !== vm && one.live.includes(device.address));
  if (holder) refuse('vm-holds-it', `device ${device.address} is in use by VM ${holder.name}`, at);
  const staying = unitOf(host, device).find(
    (one) => !one.bridge && one.driver !== null && one.driver !== passthroughDriver,
  );
  if (staying) {
    const actual = `${staying.address} is bound to ${staying.driver}`;
    refuse('not-viable', `unit ${device.unit} is not viable`, {
      ...at,
      expected: 'every member dismounted',
      actual,
    });
  }
  if (device.driver !== passthroughDriver) {
    refuse('not-viable', `device ${device.address} is not dismounted`, {
      ...at,
      expected: passthroughDriver,
      actual: 'no driver',
    });
  }
  const pinned = host.vms
    .filter((one) => one === vm || one.live.length > 0)
    .reduce((sum, one) => sum + one.memoryMiB, 0);
  if (pinned > host.pinnableMiB) {
    refuse('pin-limit', 'cannot pin the memory of the VM', {
      ...at,
      expected: `at most ${host.pinnableMiB} MiB`,
      actual: `${pinned} MiB`,
    });
  }
}

export function unitOf(host: MachineHost, device: MachineDevice): MachineDevice[] {
  return host.devices.filter((one) => one.unit === device.unit);
}

function unplug(vm: MachineVm, from: 'live' | 'config', address: string): void {
  vm[from].splice(0, Infinity, ...vm[from].filter((one) => one !== address));
  if (from === 'live') vm.unplugging = vm.unplugging.filter((one) => one.address !== address);
}

function requestUnplug(vm: MachineVm, address: string, opId: string | null): void {
  if (!runsOn(vm))
    refuse('wrong-power', 'VM is not running', { vm: vm.name, expected: 'running', actual: vm.power });
  if (!vm.unplugging.some((one) => one.address === address)) vm.unplugging.push({ address, opId });
  answerUnplugs(vm);
}

/** A guest that can answer releases what was asked for; one that was hung or paused does so late. */
export function answerUnplugs(vm: MachineVm): void {
  if (vm.power !== 'running' || vm.guest.unplug === 'hung') return;
  for (const { address } of [...vm.unplugging]) unplug(vm, 'live', address);
}

/** Whatever was plugged in is gone with the power; what the definition names comes back at the next start. */
export function powerOff(vm: MachineVm, power: 'off' | 'crashed' = 'off'): void {
  vm.power = power;
  vm.live.length = 0;
  vm.unplugging = [];
}

function powerOn(host: MachineHost, vm: MachineVm): void {
  if (vm.power === 'saved' || vm.power === 'unknown') {
    refuse('wrong-power', 'VM can’t be started', { vm: vm.name, expected: 'off', actual: vm.power });
  }
  for (const address of vm.config) takeOver(host, vm, deviceOf(host, address));
  vm.live.push(...vm.config);
}
