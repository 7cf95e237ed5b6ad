import type { ActReport, Fact, Observation, RanCommand } from '../../domain/act.js';
import {
  type DeviceFacts,
  type Fingerprint,
  type Holder,
  type HostUse,
  HostUseKind,
} from '../../domain/device.js';
import { failure, SlipwayError } from '../../domain/failures.js';
import {
  type Capabilities,
  type HostView,
  PowerState,
  type ProbeReport,
  type VmFacts,
} from '../../domain/hypervisor.js';

/** What any KVM host can do. */
export const capabilities: Capabilities = {
  hotAttach: true,
  fencesEveryAct: true,
  dismountMayNeedReboot: false,
  pinsMemory: true,
  vmLoses: [
    'live migration',
    'managed save and memory snapshots',
    'memory overcommit (its memory is pinned)',
  ],
};

/** The guard's answers, taken apart: a reply of another shape is an error that says which part it lacks. */
export function viewOf(host: string, value: unknown): HostView {
  const view = new Part(host, 'inspect', value);
  const facts = view.part('host');
  return {
    host: {
      id: host,
      identity: facts.text('identity'),
      bootId: facts.text('bootId'),
      isolation: facts.oneOf('isolation', ['on', 'off']),
      missing: facts.texts('missing'),
    },
    capabilities,
    devices: view.parts('devices').map(deviceFacts),
    vms: view.parts('vms').map(vmFacts),
  };
}

function deviceFacts(device: Part): DeviceFacts {
  return {
    address: device.text('address'),
    mode: device.oneOf('mode', ['pci']),
    name: device.text('name'),
    fingerprint: fingerprintOf(device.part('fingerprint')),
    unit: device.text('unit'),
    bridge: device.flag('bridge'),
    holder: holderOf(device.part('holder')),
    resetMethods: device.texts('resetMethods'),
    uses: device.parts('uses').map(useOf),
    isolation: device.oneOf('isolation', ['isolated', 'none']),
  };
}

function fingerprintOf(part: Part): Fingerprint {
  const more = (['subsystem', 'class', 'serial', 'slot'] as const).flatMap((name) =>
    part.has(name) ? [[name, part.text(name)]] : [],
  );
  return {
    vendor: part.text('vendor'),
    device: part.text('device'),
    ...(Object.fromEntries(more) as Partial<Fingerprint>),
  };
}

function holderOf(part: Part): Holder {
  const kind = part.oneOf('kind', ['host', 'vm', 'nobody', 'unknown']);
  if (kind === 'vm') return { kind, vm: part.text('vm') };
  if (kind === 'unknown') return { kind, why: part.text('why') };
  return { kind, driver: part.has('driver') ? part.text('driver') : null };
}

function useOf(part: Part): HostUse {
  return { kind: part.oneOf('kind', Object.values(HostUseKind)), detail: part.text('detail') };
}

function vmFacts(vm: Part): VmFacts {
  return {
    name: vm.text('name'),
    uuid: vm.text('uuid'),
    power: vm.oneOf('power', Object.values(PowerState)),
    memoryMiB: vm.count('memoryMiB'),
    freePorts: vm.count('freePorts'),
    devices: vm
      .parts('devices')
      .map((one) => ({ address: one.text('address'), live: one.flag('live'), config: one.flag('config') })),
    settings: vm.part('settings').allTexts(),
    labels: vm.part('labels').allTexts(),
  };
}

export function reportOf(host: string, value: unknown): ActReport {
  const report = new Part(host, 'act', value);
  return {
    result: report.oneOf('result', ['done', 'already']),
    before: report.parts('before').map(factOf),
    after: report.parts('after').map(factOf),
    ran: report.parts('ran').map(ranOf),
  };
}

export function observationOf(host: string, value: unknown): Observation {
  const observation = new Part(host, 'observe', value);
  return {
    reached: observation.oneOf('reached', ['yes', 'no', 'unknown']),
    facts: observation.parts('facts').map(factOf),
  };
}

export function probeReportOf(host: string, value: unknown): ProbeReport {
  const report = new Part(host, 'probe', value);
  return {
    seen: report.oneOf('seen', ['yes', 'no', 'unknown']),
    healthy: report.oneOf('healthy', ['yes', 'no', 'unknown']),
    facts: report.parts('facts').map(factOf),
  };
}

export function factsOf(host: string, value: unknown): Fact[] {
  return new Part(host, 'snapshot', { facts: value }).parts('facts').map(factOf);
}

function factOf(part: Part): Fact {
  return {
    subject: part.text('subject'),
    name: part.text('name'),
    value: part.text('value'),
    command: part.text('command'),
    raw: part.text('raw'),
  };
}

function ranOf(part: Part): RanCommand {
  return {
    tool: part.text('tool'),
    argv: part.texts('argv'),
    ...(part.has('input') ? { input: part.text('input') } : {}),
    exitCode: part.has('exitCode') ? part.count('exitCode') : null,
    stdout: part.text('stdout'),
    stderr: part.text('stderr'),
    milliseconds: part.count('milliseconds'),
  };
}

/** One object of a reply, with the path that leads to it. */
class Part {
  private readonly members: Record<string, unknown>;

  constructor(
    private readonly host: string,
    private readonly path: string,
    value: unknown,
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.wrong('', 'an object', value);
    this.members = value as Record<string, unknown>;
  }

  has(name: string): boolean {
    return this.members[name] !== undefined && this.members[name] !== null;
  }

  text(name: string): string {
    const value = this.members[name];
    if (typeof value !== 'string') throw this.wrong(name, 'text', value);
    return value;
  }

  flag(name: string): boolean {
    const value = this.members[name];
    if (typeof value !== 'boolean') throw this.wrong(name, 'true or false', value);
    return value;
  }

  count(name: string): number {
    const value = this.members[name];
    if (!Number.isSafeInteger(value)) throw this.wrong(name, 'a whole number', value);
    return value as number;
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.text(name);
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw this.wrong(name, allowed.join(' or '), value);
    return found;
  }

  texts(name: string): string[] {
    return this.list(name).map((value) => {
      if (typeof value !== 'string') throw this.wrong(name, 'a list of texts', value);
      return value;
    });
  }

  allTexts(): Record<string, string> {
    return Object.fromEntries(Object.keys(this.members).map((name) => [name, this.text(name)]));
  }

  part(name: string): Part {
    return new Part(this.host, `${this.path}.${name}`, this.members[name]);
  }

  parts(name: string): Part[] {
    return this.list(name).map((value, at) => new Part(this.host, `${this.path}.${name}[${at}]`, value));
  }

  private list(name: string): unknown[] {
    const value = this.members[name];
    if (!Array.isArray(value)) throw this.wrong(name, 'a list', value);
    return value;
  }

  private wrong(name: string, expected: string, value: unknown): SlipwayError {
    const place = [this.path, name].filter(Boolean).join('.');
    const actual = `${place}: ${JSON.stringify(value)?.slice(0, 80) ?? 'nothing'}`;
    return new SlipwayError(failure('guard-outdated', { where: { host: this.host }, expected, actual }));
  }
}
