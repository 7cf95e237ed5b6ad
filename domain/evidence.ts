import type { Fact } from './act.js';
import { type Failure, failure } from './failures.js';
import type { Plan } from './plan.js';

/**
 * Names of facts in a snapshot; every adapter uses them.
 * Subject `device 0000:02:00.0`: `holder` is `host`, `vm NAME`, `nobody` or `unknown`; `driver` is the
 * driver's name or `none`. Subject `vm NAME`: `power`; `devices` is the sorted list of addresses it names;
 * `setting.X` for every setting a change may touch.
 */
export const FactName = { holder: 'holder', driver: 'driver', power: 'power', devices: 'devices' } as const;

export interface FactDifference {
  subject: string;
  name: string;
  before: string | null;
  after: string | null;
}

/** Subject of what a guest says of itself: testimony to be kept, never part of a comparison. */
export function guestSubject(vm: string): string {
  return `guest ${vm}`;
}

/** What differs between two snapshots of the host's side; empty means proven equal. */
export function compareFacts(before: readonly Fact[], after: readonly Fact[]): FactDifference[] {
  const compared = (fact: Fact): boolean => !fact.subject.startsWith(guestSubject(''));
  const key = (fact: Fact): string => `${fact.subject}\n${fact.name}`;
  const was = new Map(before.filter(compared).map((fact) => [key(fact), fact]));
  const is = new Map(after.filter(compared).map((fact) => [key(fact), fact]));
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((one) => was.get(one)?.value !== is.get(one)?.value || is.get(one)?.value === 'unknown')
    .map((one) => {
      const [subject = '', name = ''] = one.split('\n');
      return { subject, name, before: was.get(one)?.value ?? null, after: is.get(one)?.value ?? null };
    });
}

/** Of which of the plan's devices, and of whose power, a snapshot says nothing at all: two silences prove nothing. */
export function silences(plan: Plan, facts: readonly Fact[]): string[] {
  const wanted = [
    ...plan.basis.devices.map(({ address }) => ({ subject: `device ${address}`, name: FactName.holder })),
    { subject: `vm ${plan.basis.vm.name}`, name: FactName.power },
  ];
  return wanted
    .filter(({ subject, name }) => !facts.some((fact) => fact.subject === subject && fact.name === name))
    .map(({ subject, name }) => `${subject} ${name}`);
}

/** Whether a snapshot shows what the plan was for; the failures name each device and VM that is not as planned. */
export function proveGoal(plan: Plan, facts: readonly Fact[]): Failure[] {
  const valueOf = (subject: string, name: string): string =>
    facts.find((fact) => fact.subject === subject && fact.name === name)?.value ?? 'not observed';
  const vm = plan.basis.vm.name;
  const wanted = plan.action === 'return' ? 'host' : `vm ${vm}`;
  const devices = plan.basis.devices.flatMap((device) => {
    const where = { host: plan.host, vm, address: device.address };
    const holder = valueOf(`device ${device.address}`, FactName.holder);
    if (holder !== wanted) {
      return [
        failure('act-without-effect', { where, expected: `held by ${wanted}`, actual: `held by ${holder}` }),
      ];
    }
    const driver = valueOf(`device ${device.address}`, FactName.driver);
    const home = device.hostDriver ?? 'none';
    if (plan.action !== 'return' || driver === home) return [];
    return [failure('driver-missing', { where, expected: `driver ${home}`, actual: `driver ${driver}` })];
  });
  // A VM that ran must run with its new device; one that gave a device away is its owner's to stop.
  const power = valueOf(`vm ${vm}`, FactName.power);
  if (plan.action === 'return' || plan.basis.vm.power !== 'running' || power === 'running') return devices;
  const where = { host: plan.host, vm };
  return [...devices, failure('power-state-unreached', { where, expected: 'running', actual: power })];
}
