import fc from 'fast-check';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Verb } from '../../domain/act.js';
import type { ChangeRequest, ChangeResult } from '../../domain/change.js';
import {
  claimsFreedSignal,
  Resolution,
  reviewSignal,
  reviewUpdate,
  siteHoldSignal,
} from '../../workflows/contract.js';
import { card } from '../domain/samples.js';
import { type Fault, World } from '../support/workflow-driver-world.js';
import { attachedWorld, Change } from './changes.js';
import { invariants } from './invariants.js';

afterEach(() => Change.disposeAll());

/** More of them, or others: INTERLEAVINGS=5000 INTERLEAVINGS_SEED=7 npm run jest -- test/workflows/interleavings */
const numRuns = Number(process.env['INTERLEAVINGS'] ?? 120);
const seed = Number(process.env['INTERLEAVINGS_SEED'] ?? 4);

const minute = 60_000;
const people = ['approver-1', 'approver-2', 'approver-3', 'requester', 'editor'] as const;

/** Something that happens to a change after so many steps of it. */
type Happening =
  | {
      do: 'review';
      by: (typeof people)[number];
      decision: 'approve' | 'reject';
      road: 'update' | 'signal' | 'both';
      of: 'this' | 'other' | 'forged';
    }
  | { do: 'withdraw' | 'cancel' | 'hold' | 'cancel in Temporal' | 'another plan' | 'wake' }
  | { do: 'resolve'; resolution: Resolution; second?: string }
  | { do: 'fault'; fault: Fault }
  | { do: 'site'; hold: boolean }
  | { do: 'claimed by another'; held: boolean }
  | { do: 'deaf guest' | 'register down' | 'no worker' | 'unhealthy guest'; on: boolean }
  | { do: 'time passes'; minutes: number };

const approval = fc.record({
  do: fc.constant('review' as const),
  by: fc.constantFrom('approver-1' as const, 'approver-2' as const),
  decision: fc.constant('approve' as const),
  road: fc.constantFrom('update' as const, 'signal' as const, 'both' as const),
  of: fc.constant('this' as const),
});
const anyReview = fc.record({
  do: fc.constant('review' as const),
  by: fc.constantFrom(...people),
  decision: fc.constantFrom('approve' as const, 'reject' as const),
  road: fc.constantFrom('update' as const, 'signal' as const, 'both' as const),
  of: fc.constantFrom('this' as const, 'other' as const, 'forged' as const),
});
const fault = fc.record({
  do: fc.constant('fault' as const),
  fault: fc.record({
    verb: fc.constantFrom(Verb.dismount, Verb.mount, Verb.attach, Verb.detach, Verb.quiesce, Verb.resume),
    direction: fc.constantFrom('forward' as const, 'undo' as const),
    kind: fc.constantFrom('before' as const, 'after' as const, 'lost-before' as const, 'lost-after' as const),
    reason: fc.constantFrom('act-refused' as const, 'guard-busy' as const, 'outcome-unknown' as const),
    times: fc.integer({ min: 1, max: 4 }),
  }),
});
const switched = fc.record({
  do: fc.constantFrom(
    'deaf guest' as const,
    'register down' as const,
    'no worker' as const,
    'unhealthy guest' as const,
  ),
  on: fc.boolean(),
});
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: approval },
  { weight: 2, arbitrary: anyReview },
  { weight: 4, arbitrary: fault },
  { weight: 2, arbitrary: switched },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('withdraw', 'cancel', 'hold', 'cancel in Temporal', 'another plan', 'wake'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record(
      {
        do: fc.constant('resolve' as const),
        resolution: fc.constantFrom(...Object.values(Resolution)),
        second: fc.constantFrom('operator-1', 'operator-2'),
      },
      { requiredKeys: ['do', 'resolution'] },
    ),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('site' as const), hold: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('claimed by another' as const), held: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('time passes' as const),
      minutes: fc.integer({ min: 1, max: 90 }),
    }),
  },
);

const story = fc.record({
  action: fc.constantFrom('attach' as const, 'return' as const),
  powerOff: fc.constantFrom('allowed' as const, 'never' as const),
  freePorts: fc.constantFrom(0, 4),
  window: fc.boolean(),
  /** Most begin where something can go wrong. */
  approved: fc.constantFrom(true, true, false),
  choices: fc.infiniteStream(fc.nat(7)),
  happenings: fc.array(fc.tuple(fc.nat(12), happening), { minLength: 2, maxLength: 14 }),
});
type Story = typeof story extends fc.Arbitrary<infer S> ? S : never;

async function live(
  told: Story,
): Promise<{ change: Change; request: Partial<ChangeRequest>; served: { now: boolean } }> {
  const { action, powerOff, freePorts } = told;
  const world = action === 'return' ? attachedWorld() : new World();
  // Without a port and without a power cycle there would be no plan.
  world.vm.freePorts = powerOff === 'never' ? 4 : freePorts;
  const served = { now: true };
  const window = { from: '2026-11-22T12:30:00Z', to: '2026-11-23T06:00:00Z' };
  const request = { action, powerOff, ...(told.window ? { window } : {}) };
  const change = await Change.submitted(request, {
    world,
    served: (queue) => queue === 'slipway' || served.now,
    choose: (count) => told.choices.next().value! % count,
  });
  if (told.approved) await change.isApproved();
  for (const [steps, happens] of told.happenings) {
    for (let step = 0; step < steps && !change.driver.closed; step += 1) await passTimeOrStep(change);
    if (change.driver.closed) break;
    await bringAbout(change, served, happens);
  }
  return { change, request, served };
}

async function passTimeOrStep({ driver }: Change): Promise<void> {
  if (!(await driver.step())) await driver.advance(1_000);
}

async function bringAbout(change: Change, served: { now: boolean }, happens: Happening): Promise<void> {
  const { world, driver } = change;
  switch (happens.do) {
    case 'review':
      return review(change, happens);
    case 'withdraw':
    case 'cancel':
    case 'hold':
      return void change.slipsIn(happens.do);
    case 'resolve':
      return void change.slipsInResolution(happens.resolution, happens.second);
    case 'cancel in Temporal':
      return driver.cancel();
    case 'another plan':
      return void (world.deviceAt(card).resetMethods = world.deviceAt(card).resetMethods.length
        ? []
        : ['flr']);
    case 'wake':
      return driver.signal(claimsFreedSignal);
    case 'fault':
      return void world.faults.push({ ...happens.fault });
    case 'site':
      world.siteHold = happens.hold ? 'fire drill' : null;
      return driver.signal(siteHoldSignal);
    case 'claimed by another':
      return claimByAnother(change, happens.held);
    case 'deaf guest':
      return void (world.deaf = happens.on);
    case 'register down':
      return void (world.registerDown = happens.on);
    case 'no worker':
      return void (served.now = !happens.on);
    case 'unhealthy guest':
      return void (world.guest = happens.on ? [{ reason: 'guest-unhealthy', message: 'no driver' }] : []);
    case 'time passes':
      return driver.advance(happens.minutes * minute);
  }
}

function review({ world, driver }: Change, { by, decision, road, of }: Happening & { do: 'review' }): void {
  const told = world.ledger.some(({ kind }) => kind === 'told') ? world.lastTold().planHash : undefined;
  const planHash = of === 'other' ? 'f'.repeat(64) : (told ?? '');
  const decisionId = `${by}/${decision}/${planHash.slice(0, 8)}/${of}`;
  const more = { decision, decisionId, ...(decision === 'reject' ? { comment: 'no' } : {}) };
  const made = world.decision(by, planHash, more);
  const sent = of === 'forged' ? { ...made, signature: 'forged' } : made;
  if (road !== 'signal') driver.send(reviewUpdate, decisionId, sent);
  if (road !== 'update') driver.signal(reviewSignal, sent);
}

function claimByAnother({ world, driver }: Change, held: boolean): void {
  const key = `device/machine-a/${card}`;
  if (held && !world.claims.has(key)) world.claims.set(key, 'change-2');
  if (!held && world.claims.get(key) === 'change-2') {
    world.claims.delete(key);
    driver.signal(claimsFreedSignal);
  }
}

/** The world is whole again, and people do their work: whatever happened, the change must come to its end. */
async function bringToEnd(change: Change, served: { now: boolean }): Promise<ChangeResult> {
  const { world, driver } = change;
  Object.assign(world, { faults: [], registerDown: false, deaf: false, guest: [], siteHold: null });
  served.now = true;
  claimByAnother(change, false);
  driver.signal(siteHoldSignal);
  for (let round = 0; round < 40 && !driver.closed; round += 1) {
    await driver.advance(20 * minute);
    if (driver.closed) break;
    if (change.state === 'parked') {
      const resolution = round < 20 ? 'undo' : 'accept';
      change.slipsInResolution(resolution, 'operator-2');
    } else if (change.state === 'held' || change.state === 'scheduled') {
      change.slipsInResolution(round < 20 ? 'retry' : 'undo');
    } else if (change.state === 'awaiting-review') {
      for (const by of ['approver-1', 'approver-2', 'approver-3'] as const) {
        review(change, { do: 'review', by, decision: 'approve', road: 'update', of: 'this' });
      }
    }
  }
  return change.ends();
}

describe('whatever happens to a change, in whatever order,', () => {
  it('it keeps every invariant and comes to its end', async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const before = (told.action === 'return' ? attachedWorld() : new World()).facts();
        const { change, request, served } = await live(told);
        const result = await bringToEnd(change, served);
        for (const [name, holds] of Object.entries(invariants)) {
          try {
            holds({ change, result, request, before });
          } catch (error) {
            throw new Error(`a change ${name}`, { cause: error });
          }
        }
        await Change.disposeAll();
      }),
      { numRuns, seed },
    );
  }, 3_600_000);

  it('it may come to every ending: the stories are not all alike', async () => {
    const endings = new Set<string>();
    for (const told of fc.sample(story, { numRuns: 60, seed })) {
      const { change, served } = await live(told);
      endings.add((await bringToEnd(change, served)).ending);
      await Change.disposeAll();
    }
    expect([...endings]).toEqual(expect.arrayContaining(['rejected', 'succeeded', 'undone', 'withdrawn']));
  }, 600_000);
});
