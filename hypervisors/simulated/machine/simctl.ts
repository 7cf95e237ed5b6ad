import { parseArgs } from 'node:util';
import type { NativeCommand } from '../../../domain/act.js';
import {
  answerUnplugs,
  deviceOf,
  plugIn,
  powerOff,
  powerOn,
  requestUnplug,
  unplug,
  vmOf,
} from './hardware.js';
import { refuse } from './refusal.js';
import { type MachineHost, type MachineVm, passthroughDriver, runsOn } from './state.js';

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

function place(vm: MachineVm, given: Given): string[] {
  if (given.live === given.config) refuse('bad-request', 'simctl needs exactly one of --live and --config');
  return given.live ? vm.live : vm.config;
}
