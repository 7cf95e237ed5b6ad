import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { DeviceMode, type Fingerprint, HostUseKind, normalAddress } from '../../../domain/device.js';
import { PowerState } from '../../../domain/hypervisor.js';
import { type InjectedFault, readFault } from './injected-faults.js';
import { choice, flag, type Item, list, members, number, text, texts, unique, wrong } from './document.js';
import { Refusal } from './refusal.js';
import {
  type Guest,
  type MachineDevice,
  type MachineHost,
  type MachineVm,
  passthroughDriver,
} from './state.js';

export interface Timing {
  /** How long an act waits for a guest to release a device or to shut down. */
  guestPatienceMs: number;
  /** How long the guard waits for a lock before it says busy. */
  lockWaitMs: number;
}

export interface WorldFile {
  hosts: MachineHost[];
  /** Milliseconds that every act of a verb, or every call of a read, takes. */
  delays: Record<string, number>;
  faults: InjectedFault[];
  timing: Timing;
}

/** Reads a world file (YAML or JSON). Every error names the file, the place in it, what was expected and found. */
export function readWorldFile(path: string): WorldFile {
  const document = parse(readFileSync(path, 'utf8')) as unknown;
  try {
    const world = members(document, 'world', ['hosts', 'delays', 'faults', 'timing']);
    const hosts = list(world, 'hosts').map(readHost);
    unique(
      hosts.map((host) => host.id),
      'hosts',
    );
    return {
      hosts,
      delays: readDelays(world['delays'] ?? {}),
      faults: (world['faults'] === undefined ? [] : list(world, 'faults')).map(([fault, at]) =>
        readFault(fault, at),
      ),
      timing: readTiming(world['timing'] ?? {}),
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { text, expected, actual } = error.parts;
    throw new Error(
      `world file ${path}: ${text}: expected ${expected}, found ${actual}; correct it and start again`,
      { cause: error },
    );
  }
}

export function readDelays(value: unknown): Record<string, number> {
  const delays = members(value, 'delays');
  return Object.fromEntries(Object.keys(delays).map((name) => [name, number(delays, name, 'delays')]));
}

function readTiming(value: unknown): Timing {
  const timing = members(value, 'timing', ['guestPatienceMs', 'lockWaitMs']);
  return {
    guestPatienceMs: number(timing, 'guestPatienceMs', 'timing', 500),
    lockWaitMs: number(timing, 'lockWaitMs', 'timing', 2000),
  };
}

function readHost([value, at]: Item): MachineHost {
  const host = members(value, at, [
    'id',
    'machineId',
    'hostKey',
    'bootId',
    'iommu',
    'missing',
    'pinnableMiB',
    'devices',
    'vms',
  ]);
  const devices = list(host, 'devices', at).map(readDevice);
  const vms = list(host, 'vms', at).map(readVm);
  unique(
    devices.map((device) => device.address),
    `${at}.devices`,
  );
  unique(
    vms.map((vm) => vm.name),
    `${at}.vms`,
  );
  for (const vm of vms) {
    const stray = [...vm.live, ...vm.config].find(
      (address) => !devices.some((device) => device.address === address),
    );
    if (stray) wrong(`${at}.vms.${vm.name}`, 'addresses of this host’s devices', stray);
  }
  return {
    id: text(host, 'id', at),
    machineId: text(host, 'machineId', at),
    hostKey: text(host, 'hostKey', at),
    bootId: text(host, 'bootId', at, 'boot-1'),
    iommu: choice(host, 'iommu', at, ['on', 'off'], 'on'),
    missing: texts(host, 'missing', at),
    pinnableMiB: number(host, 'pinnableMiB', at, 1024 * 1024),
    devices,
    vms,
  };
}

function readDevice([value, at]: Item): MachineDevice {
  const known = [
    'address',
    'mode',
    'name',
    'fingerprint',
    'unit',
    'bridge',
    'driver',
    'dismounted',
    'resetMethods',
    'uses',
  ];
  const device = members(value, at, known);
  const homeDriver =
    device['driver'] === undefined || device['driver'] === null ? null : text(device, 'driver', at);
  const dismounted = flag(device, 'dismounted', at, false);
  return {
    address: normalAddress(text(device, 'address', at)),
    mode: choice(device, 'mode', at, Object.values(DeviceMode), DeviceMode.pci),
    name: text(device, 'name', at),
    fingerprint: readFingerprint(device['fingerprint'], `${at}.fingerprint`),
    unit: text(device, 'unit', at),
    bridge: flag(device, 'bridge', at, false),
    homeDriver,
    driver: dismounted ? passthroughDriver : homeDriver,
    reserved: dismounted,
    resetMethods: texts(device, 'resetMethods', at),
    uses: (device['uses'] === undefined ? [] : list(device, 'uses', at)).map(([use, where]) => {
      const given = members(use, where, ['kind', 'detail']);
      const kind = choice(given, 'kind', where, Object.values(HostUseKind), HostUseKind.mount);
      return { kind, detail: text(given, 'detail', where) };
    }),
  };
}

function readFingerprint(value: unknown, at: string): Fingerprint {
  const parts = ['vendor', 'device', 'subsystem', 'class', 'serial', 'slot'] as const;
  const given = members(value, at, [...parts]);
  const optional = Object.fromEntries(
    parts.filter((part) => given[part] !== undefined).map((part) => [part, text(given, part, at)]),
  );
  return { ...optional, vendor: text(given, 'vendor', at), device: text(given, 'device', at) };
}

function readVm([value, at]: Item): MachineVm {
  const known = ['name', 'uuid', 'power', 'memoryMiB', 'ports', 'devices', 'settings', 'labels', 'guest'];
  const vm = members(value, at, known);
  const power = choice(vm, 'power', at, Object.values(PowerState), PowerState.off);
  const config = texts(vm, 'devices', at).map(normalAddress).sort();
  return {
    name: text(vm, 'name', at),
    uuid: text(vm, 'uuid', at),
    power,
    memoryMiB: number(vm, 'memoryMiB', at, 1024),
    ports: number(vm, 'ports', at, 4),
    live: power === 'running' || power === 'paused' ? [...config] : [],
    config,
    unplugging: [],
    settings: readTexts(vm['settings'] ?? {}, `${at}.settings`),
    labels: readTexts(vm['labels'] ?? {}, `${at}.labels`),
    guest: readGuest(vm['guest'] ?? {}, `${at}.guest`),
  };
}

function readGuest(value: unknown, at: string): Guest {
  const guest = members(value, at, ['unplug', 'shutdown', 'agent', 'sees', 'healthy']);
  return {
    unplug: choice(guest, 'unplug', at, ['obeys', 'hung'], 'obeys'),
    shutdown: choice(guest, 'shutdown', at, ['obeys', 'ignores'], 'obeys'),
    agent: choice(guest, 'agent', at, ['available', 'unavailable'], 'available'),
    sees: choice(guest, 'sees', at, ['always', 'never'], 'always'),
    healthy: flag(guest, 'healthy', at, true),
  };
}

function readTexts(value: unknown, at: string): Record<string, string> {
  const given = members(value, at);
  return Object.fromEntries(Object.keys(given).map((name) => [name, text(given, name, at)]));
}
