import type { Act, Fact, Observation } from '../../domain/act.js';
import { type DeviceFacts, fingerprintDifferences, type Holder } from '../../domain/device.js';
import { FactName } from '../../domain/evidence.js';
import type {
  Capabilities,
  HostView,
  ProbeQuery,
  ProbeReport,
  SnapshotQuery,
  VmFacts,
} from '../../domain/hypervisor.js';
import {
  type Entities,
  holdingVm,
  type MachineDevice,
  type MachineHost,
  type MachineVm,
  names,
  passthroughDriver,
  runsOn,
} from './machine/state.js';

export type HostReply = MachineHost & { identity: string };
export interface GuestReply {
  power: string;
  answers: boolean;
  devices: { address: string; healthy: boolean }[];
}

const capabilities: Capabilities = {
  hotAttach: true,
  fencesEveryAct: true,
  dismountMayNeedReboot: false,
  pinsMemory: true,
  vmLoses: ['live migration', 'snapshots with memory', 'suspend to disk'],
};

export function viewOf(reply: HostReply): HostView {
  const { id, identity, bootId, iommu, missing } = reply;
  return {
    host: { id, identity, bootId, isolation: iommu, missing },
    capabilities,
    devices: reply.devices.map((device) => deviceFacts(reply, device)),
    vms: reply.vms.map(vmFacts),
  };
}

function deviceFacts(host: MachineHost, device: MachineDevice): DeviceFacts {
  const { address, mode, name, fingerprint, unit, bridge, resetMethods, uses } = device;
  const isolation = host.iommu === 'on' ? 'isolated' : 'none';
  return {
    address,
    mode,
    name,
    fingerprint,
    unit,
    bridge,
    holder: holderOf(host, device),
    resetMethods,
    uses,
    isolation,
  };
}

function vmFacts(vm: MachineVm): VmFacts {
  const { name, uuid, power, memoryMiB, settings, labels } = vm;
  const addresses = [...new Set([...vm.live, ...vm.config])].sort();
  const devices = addresses.map((address) => ({
    address,
    live: vm.live.includes(address),
    config: vm.config.includes(address),
  }));
  const freePorts = Math.max(0, vm.ports - (runsOn(vm) ? vm.live.length : vm.config.length));
  return { name, uuid, power, memoryMiB, freePorts, devices, settings, labels };
}

function holderOf(host: MachineHost, device: MachineDevice): Holder {
  const vm = holdingVm(host, device);
  if (vm) return { kind: 'vm', vm: vm.name };
  return { kind: device.reserved ? 'nobody' : 'host', driver: device.driver };
}

/** Facts about the subjects asked for; one that the host does not have is `unknown`. */
export function snapshotFacts(
  host: MachineHost | undefined,
  query: Pick<SnapshotQuery, 'devices' | 'vms'>,
): Fact[] {
  return [
    ...query.devices.flatMap(({ address }) => {
      const device = host?.devices.find((one) => one.address === address);
      return host && device
        ? factsOfDevice(host, device)
        : [unknownFact(`device ${address}`, FactName.holder)];
    }),
    ...query.vms.flatMap(({ name }) => {
      const vm = host?.vms.find((one) => one.name === name);
      return vm ? factsOfVm(vm) : [unknownFact(`vm ${name}`, FactName.power)];
    }),
  ];
}

function factsOfDevice(host: MachineHost, device: MachineDevice): Fact[] {
  const holder = holderOf(host, device);
  const fact = factMaker(`device ${device.address}`, device);
  return [
    fact(FactName.holder, holder.kind === 'vm' ? `vm ${holder.vm}` : holder.kind),
    fact(FactName.driver, device.driver ?? 'none'),
  ];
}

function factsOfVm(vm: MachineVm): Fact[] {
  const fact = factMaker(`vm ${vm.name}`, vm);
  return [
    fact(FactName.power, vm.power),
    fact(FactName.devices, [...new Set([...vm.live, ...vm.config])].sort().join(' ')),
    ...Object.entries(vm.settings).map(([name, value]) => fact(`setting.${name}`, value)),
  ];
}

function factMaker(subject: string, raw: unknown): (name: string, value: string) => Fact {
  const text = JSON.stringify(raw);
  return (name, value) => ({
    subject,
    name,
    value,
    command: `simctl ledger --subject='${subject}'`,
    raw: text,
  });
}

function unknownFact(subject: string, name: string): Fact {
  return { subject, name, value: 'unknown', command: `simctl ledger --subject='${subject}'`, raw: '' };
}

/** The facts of a report: the device and the VM of one act, without the rest of the host. */
export function entityFacts(entities: Entities): Fact[] {
  const found = Object.values(entities);
  const devices = found.filter((one): one is MachineDevice => 'address' in one);
  const vms = found.filter((one): one is MachineVm => 'uuid' in one);
  return [
    ...devices.flatMap((device) => {
      const vm = vms.find(
        (one) => names(one, device.address) && (device.reserved || one.live.includes(device.address)),
      );
      const fact = factMaker(`device ${device.address}`, device);
      const holder = vm ? `vm ${vm.name}` : device.reserved ? 'nobody' : 'host';
      return [fact(FactName.holder, holder), fact(FactName.driver, device.driver ?? 'none')];
    }),
    ...vms.flatMap(factsOfVm),
  ];
}

export function observationOf(host: MachineHost, act: Act): Observation {
  const device = act.device && host.devices.find((one) => one.address === act.device?.address);
  const vm = act.vm && host.vms.find((one) => one.name === act.vm?.name && one.uuid === act.vm.uuid);
  const facts = snapshotFacts(host, { devices: act.device ? [act.device] : [], vms: act.vm ? [act.vm] : [] });
  const lost = (act.device && !device) || (act.vm && !vm);
  const exchanged =
    device && fingerprintDifferences(act.device?.fingerprint ?? {}, device.fingerprint).length > 0;
  if (lost || exchanged) return { reached: 'unknown', facts };
  return { reached: goalHolds(act, device, vm) ? 'yes' : 'no', facts };
}

function goalHolds(act: Act, device: MachineDevice | undefined, vm: MachineVm | undefined): boolean {
  const address = device?.address ?? '';
  switch (act.verb) {
    case 'dismount':
      return device?.reserved === true && device.driver === passthroughDriver;
    case 'mount':
      return device?.reserved === false && device.driver === (act.device?.hostDriver ?? null);
    case 'attach':
      return vm?.config.includes(address) === true && (act.placement === 'cold' || vm.live.includes(address));
    case 'detach':
      return vm !== undefined && !names(vm, address);
    case 'quiesce':
      return vm?.power === 'off' || vm?.power === 'crashed';
    case 'resume':
      return vm?.power === 'running';
    case 'prepare':
    case 'restore':
      return Object.entries(act.settings ?? {}).every(([name, value]) => vm?.settings[name] === value);
  }
}

/** `seen` answers what was expected: all are there (`present`), or one of them still is (`absent`). */
export function probeOf(
  reply: GuestReply,
  { vm: { name: vm }, devices, expect }: Pick<ProbeQuery, 'vm' | 'devices' | 'expect'>,
): ProbeReport {
  const addresses = devices.map((device) => device.address);
  const raw = JSON.stringify(reply);
  const fact = (address: string, name: string, value: string): Fact => ({
    subject: `guest ${vm}`,
    name: `${address} ${name}`,
    value,
    command: `simctl guest-devices --vm=${vm}`,
    raw,
  });
  if (!reply.answers) {
    return {
      seen: 'unknown',
      healthy: 'unknown',
      facts: addresses.map((address) => fact(address, 'seen', 'unknown')),
    };
  }
  const found = addresses.map((address) => ({
    address,
    device: reply.devices.find((one) => one.address === address),
  }));
  const seen = found.filter(({ device }) => device);
  const enough = expect === 'present' ? seen.length === addresses.length : seen.length > 0;
  return {
    seen: enough ? 'yes' : 'no',
    healthy: seen.length === 0 ? 'unknown' : seen.every(({ device }) => device?.healthy) ? 'yes' : 'no',
    facts: found.flatMap(({ address, device }) => [
      fact(address, 'seen', device ? 'yes' : 'no'),
      ...(device ? [fact(address, 'healthy', device.healthy ? 'yes' : 'no')] : []),
    ]),
  };
}
