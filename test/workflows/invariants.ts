import { expect } from '@jest/globals';
import type { ChangeRequest, ChangeResult } from '../../domain/change.js';
import type { Fact } from '../../domain/act.js';
import { compareFacts } from '../../domain/evidence.js';
import type { Entry, World } from '../support/workflow-driver-world.js';
import type { Change } from './changes.js';

type Act = Extract<Entry, { kind: 'act' }>;

export interface Told {
  change: Change;
  result: ChangeResult;
  request: Partial<ChangeRequest>;
  /** What the host was before the change. */
  before: Fact[];
}

/** What must be true of every change, whatever happened to it and in whatever order. */
export const invariants: Record<string, (told: Told) => void> = {
  'ends once, and the register knows it as the last thing': ({ change: { world }, result }) => {
    const closed = world.ledger.filter((one) => one.kind === 'told' && one.state === 'closed');
    expect(closed).toHaveLength(1);
    expect(world.ledger.findLast((one) => one.kind === 'told')).toBe(closed[0]);
    expect(world.lastTold()).toMatchObject({ ending: result.ending });
  },

  'acts only with what it has claimed': ({ change }) => {
    for (const act of actsOf(change.world)) expect(act).toMatchObject({ claimed: true });
  },

  'acts only after two different people, neither requester nor editor, approved that very plan': ({
    change,
  }) => {
    const { ledger } = change.world;
    ledger.forEach((act, index) => {
      if (act.kind !== 'act') return;
      const approvers = ledger.slice(0, index).flatMap((one) => {
        if (one.kind !== 'verified' || one.decision.planHash !== act.planHash) return [];
        return one.decision.decision === 'approve' ? [one.decision.reviewer.subject] : [];
      });
      const others = new Set(approvers.filter((subject) => subject !== 'requester' && subject !== 'editor'));
      expect(others.size).toBeGreaterThanOrEqual(2);
    });
  },

  'touches nothing for a plan that somebody rejected in time': ({ change: { world, driver } }) => {
    for (const act of actsOf(world)) {
      const rejects = world.ledger.filter(
        (one) =>
          one.kind === 'review' &&
          one.refusal === null &&
          one.decision.decision === 'reject' &&
          one.decision.planHash === act.planHash &&
          driver.updates.get(one.decision.decisionId)?.result !== null,
      );
      expect(rejects).toEqual([]);
    }
  },

  'begins inside its window': ({ change, request }) => {
    const first = actsOf(change.world)[0];
    if (!first || !request.window) return;
    expect(first.at).toBeGreaterThanOrEqual(Date.parse(request.window.from));
    expect(first.at).toBeLessThan(Date.parse(request.window.to));
  },

  'has every effect once': ({ change }) => {
    const keys = actsOf(change.world)
      .filter((act) => act.effect === 'done')
      .map((act) => act.key);
    expect(new Set(keys).size).toBe(keys.length);
  },

  'frees nothing between its first act and its ending': ({ change: { world } }) => {
    const first = world.ledger.findIndex((one) => one.kind === 'act');
    if (first < 0) return;
    const released = indexesOf(world, 'released').filter((index) => index > first);
    expect(released).toHaveLength(1);
    const last = world.ledger.findLastIndex((one) => ['act', 'proof', 'quarantined'].includes(one.kind));
    expect(released[0]).toBeGreaterThan(last);
  },

  'leaves nothing claimed, in line or in quarantine': ({ change: { world } }) => {
    expect([...world.claims.values()]).not.toContain('change-1');
    expect([...world.line]).not.toContain('change-1');
    expect([...world.quarantines.values()]).not.toContain('change-1');
  },

  'ends as what is true of the host': ({ change: { world }, result, request, before }) => {
    const holders = new Set(world.host.devices.map(({ holder }) => holder.kind));
    switch (result.ending) {
      case 'succeeded':
        expect([...holders]).toEqual([request.action === 'return' ? 'host' : 'vm']);
        expect(world.vm.power).toBe('running');
        return;
      case 'undone':
        expect(result.restored).toBe(true);
        expect(compareFacts(before, world.facts())).toEqual([]);
        return;
      case 'closed-by-operator':
        expect(world.states()).toContain('parked');
        return;
      default:
        expect(actsOf(world)).toEqual([]);
    }
  },

  'proves before it says so': ({ change: { world }, result }) => {
    if (result.ending !== 'succeeded' && result.ending !== 'undone') return;
    const proof = indexesOf(world, 'proof').at(-1) ?? -1;
    expect(proof).toBeGreaterThan(world.ledger.findLastIndex((one) => one.kind === 'act'));
  },
};

function actsOf(world: World): Act[] {
  return world.ledger.filter((one): one is Act => one.kind === 'act');
}

function indexesOf(world: World, kind: Entry['kind']): number[] {
  return world.ledger.flatMap((one, index) => (one.kind === kind ? [index] : []));
}
