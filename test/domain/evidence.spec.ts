import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import type { Fact } from '../../domain/act.js';
import { compareFacts, proveGoal, silences } from '../../domain/evidence.js';
import { card, disk, host, planInput, planOf, request, returnInput, view, vm, vmName } from './samples.js';

const fact = (subject: string, name: string, value: string): Fact => ({
  subject,
  name,
  value,
  command: 'read',
  raw: `raw ${value}`,
});

describe('two snapshots', () => {
  const before = [fact('device a', 'driver', 'nvme'), fact('vm v', 'power', 'running')];

  it('are equal if every fact is, in whatever order and by whatever command they were read', () => {
    const after = before.map((one) => ({ ...one, command: 'other', raw: 'other' })).reverse();
    expect(compareFacts(before, after)).toEqual([]);
  });

  it.each([
    ['another value', [fact('device a', 'driver', 'none'), before[1]!], 'nvme', 'none'],
    ['a fact that is gone', [before[1]!], 'nvme', null],
    [
      'a fact that can’t be read any more',
      [fact('device a', 'driver', 'unknown'), before[1]!],
      'nvme',
      'unknown',
    ],
  ])('differ by %s', (_, after, was, is) => {
    expect(compareFacts(before, after)).toEqual([
      { subject: 'device a', name: 'driver', before: was, after: is },
    ]);
  });

  it('differ by a fact that is new', () => {
    expect(compareFacts([], [before[0]!])).toEqual([
      { subject: 'device a', name: 'driver', before: null, after: 'nvme' },
    ]);
  });

  it('are not equal because both say unknown', () => {
    const unknown = [fact('device a', 'holder', 'unknown')];
    expect(compareFacts(unknown, unknown)).toHaveLength(1);
  });

  it('prove nothing together when both are silent about a device or about the power of the VM', () => {
    const plan = planOf(planInput());
    expect(silences(plan, [])).toEqual([`device ${card} holder`, `vm ${vmName} power`]);
    const facts = [fact(`device ${card}`, 'holder', 'unknown'), fact(`vm ${vmName}`, 'power', 'off')];
    expect(silences(plan, facts)).toEqual([]);
  });

  it('differ exactly where they do', () => {
    const snapshot = fc
      .dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2', 'unknown'))
      .map((values) => Object.entries(values).map(([name, value]) => fact('device', name, value)));
    fc.assert(
      fc.property(snapshot, snapshot, (was, is) => {
        const valueIn = (facts: Fact[], name: string): string | undefined =>
          facts.find((one) => one.name === name)?.value;
        const names = [...new Set([...was, ...is].map(({ name }) => name))].filter(
          (name) => valueIn(was, name) !== valueIn(is, name) || valueIn(is, name) === 'unknown',
        );
        expect(
          compareFacts(was, is)
            .map(({ name }) => name)
            .sort(),
        ).toEqual(names.sort());
      }),
    );
  });
});

describe('the goal of an attach', () => {
  const both = [card, disk].map((address) => ({ address, mode: 'pci' as const }));
  const plan = planOf(planInput({ request: request({ devices: both }) }));
  const reached = [
    fact(`device ${card}`, 'holder', `vm ${vmName}`),
    fact(`device ${disk}`, 'holder', `vm ${vmName}`),
    fact(`vm ${vmName}`, 'power', 'running'),
  ];

  it('is proven when the VM holds every device and has the power state it had', () => {
    expect(proveGoal(plan, reached)).toEqual([]);
  });

  it.each(['host', 'nobody', 'unknown', 'vm other'])(
    'is not reached while a device is held by %s',
    (holder) => {
      const facts = [fact(`device ${card}`, 'holder', holder), ...reached.slice(1)];
      expect(proveGoal(plan, facts)).toMatchObject([
        {
          reason: 'act-without-effect',
          where: { host, vm: vmName, address: card },
          expected: `held by vm ${vmName}`,
          actual: `held by ${holder}`,
        },
      ]);
    },
  );

  it('is not reached by what nobody observed', () => {
    expect(proveGoal(plan, []).map(({ where }) => where?.address)).toEqual([card, disk, undefined]);
  });

  it.each(['off', 'crashed', 'paused', 'unknown'])('is not reached when the VM that ran is %s', (power) => {
    const facts = [...reached.slice(0, 2), fact(`vm ${vmName}`, 'power', power)];
    expect(proveGoal(plan, facts)).toMatchObject([
      { reason: 'power-state-unreached', where: { host, vm: vmName }, expected: 'running', actual: power },
    ]);
  });

  it('asks nothing of the power of a VM that was off', () => {
    const cold = planOf(planInput({ view: view({ vms: [vm({ power: 'off' })] }) }));
    expect(proveGoal(cold, reached.slice(0, 1))).toEqual([]);
  });
});

describe('the goal of a return', () => {
  const plan = planOf(returnInput([card]));
  const home = [
    fact(`device ${card}`, 'holder', 'host'),
    fact(`device ${card}`, 'driver', 'nvme'),
    fact(`vm ${vmName}`, 'power', 'running'),
  ];

  it('is proven when the host has the device with the driver it had', () => {
    expect(proveGoal(plan, home)).toEqual([]);
  });

  it.each(['none', 'vfio-pci'])('is not reached with driver %s', (driver) => {
    const facts = [home[0]!, fact(`device ${card}`, 'driver', driver), home[2]!];
    expect(proveGoal(plan, facts)).toMatchObject([
      { reason: 'driver-missing', expected: 'driver nvme', actual: `driver ${driver}` },
    ]);
  });

  it('is not reached while the VM has it', () => {
    const facts = [fact(`device ${card}`, 'holder', `vm ${vmName}`), ...home.slice(1)];
    expect(proveGoal(plan, facts)).toMatchObject([
      { reason: 'act-without-effect', expected: 'held by host', actual: `held by vm ${vmName}` },
    ]);
  });
});
