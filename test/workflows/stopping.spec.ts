import { afterEach, describe, expect, it } from '@jest/globals';
import { reviewSignal, withdrawUpdate } from '../../workflows/contract.js';
import { actor, Change, type Setting, steps } from './changes.js';

afterEach(() => Change.disposeAll());

const tomorrow = { from: '2026-11-23T12:00:00Z', to: '2026-11-23T18:00:00Z' };
const slowly = (...names: string[]): Setting => ({
  takes: ({ name }) => (names.includes(name) ? 10_000 : 0),
});

/** A change in the middle of each state. */
const inState = {
  inspecting: () => Change.submitted({}, slowly('inspect')),
  'awaiting-review': async () => (await Change.submitted()).settles(),
  scheduled: () => approvedUntil('scheduled', { window: tomorrow }),
  gate: () => approvedUntil('gate', {}, slowly('inspectAgain')),
  running: () => approvedUntil('running', {}, slowly('act')),
  verifying: () => approvedUntil('verifying', {}, slowly('verify')),
  held: async () => {
    const change = await approvedUntil('running', {}, slowly('act'));
    await change.order('hold', 'power work');
    await change.reaches('held');
    return change;
  },
  undoing: async () => {
    const change = await approvedUntil('running', {}, slowly('act'));
    await change.order('cancel');
    await change.reaches('undoing');
    return change;
  },
  parked: async () => {
    const change = await Change.submitted();
    await change.isApproved();
    change.world.faults.push({ verb: 'attach', kind: 'before', times: 1 });
    change.world.faults.push({ direction: 'undo', kind: 'before', times: 999 });
    await change.reaches('parked');
    change.world.faults = [];
    return change;
  },
};
type State = keyof typeof inState;

async function approvedUntil(state: State, more = {}, setting: Setting = {}): Promise<Change> {
  const change = await Change.submitted(more, setting);
  await change.isApproved();
  await change.reaches(state);
  return change;
}

const refused = { accepted: false, rejection: { type: 'slipway/not-now' } };
const taken = { accepted: true, rejection: null };

describe('an order is taken or refused by the state it finds', () => {
  it.each<[State, Record<'withdraw' | 'cancel' | 'hold' | 'retry', object>]>([
    ['inspecting', { withdraw: taken, cancel: refused, hold: taken, retry: refused }],
    ['awaiting-review', { withdraw: taken, cancel: refused, hold: taken, retry: refused }],
    ['scheduled', { withdraw: taken, cancel: refused, hold: taken, retry: refused }],
    ['gate', { withdraw: taken, cancel: taken, hold: taken, retry: refused }],
    ['running', { withdraw: refused, cancel: taken, hold: taken, retry: refused }],
    ['verifying', { withdraw: refused, cancel: taken, hold: refused, retry: refused }],
    ['held', { withdraw: refused, cancel: taken, hold: refused, retry: taken }],
    ['undoing', { withdraw: refused, cancel: refused, hold: refused, retry: refused }],
    ['parked', { withdraw: refused, cancel: refused, hold: refused, retry: taken }],
  ])('%s', async (state, expected) => {
    for (const order of ['withdraw', 'cancel', 'hold'] as const) {
      const change = await inState[state]();
      expect({ order, answer: await change.order(order) }).toMatchObject({ order, answer: expected[order] });
    }
    const change = await inState[state]();
    expect({ order: 'retry', answer: await change.resolve('retry') }).toMatchObject({
      answer: expected.retry,
    });
  });

  it('and a change that has ended takes none', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    await change.ends();
    const late = change.driver.send(withdrawUpdate, 'late', { by: actor('operator-1'), reason: 'late' });
    await change.driver.settle();
    expect(late.accepted).toBe(false);
  });

  it('and is not taken any more when the ending is decided and only the claims are still to free', async () => {
    const change = await approvedUntil('verifying', {}, slowly('release'));
    await change.driver.until(() => change.driver.calls.some(({ name }) => name === 'release'));
    expect(change.state).toBe('verifying');
    expect(await change.order('cancel')).toMatchObject(refused);
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });
});

describe('withdraw', () => {
  it.each<State>(['inspecting', 'awaiting-review', 'scheduled', 'gate'])(
    'ends a change that is %s, with nothing touched or claimed',
    async (state) => {
      const change = await inState[state]();
      await change.order('withdraw', 'no longer needed');
      expect(await change.ends()).toEqual({ ending: 'withdrawn' });
      expect(change.acts).toEqual([]);
      expect(change.world.claims.size).toBe(0);
    },
  );

  it('ends a change whose site is not served by any worker', async () => {
    const change = await Change.submitted({}, { served: (queue) => queue === 'slipway' });
    await change.driver.advance(10 * 60_000);
    expect(change.world.lastTold()).toMatchObject({ state: 'inspecting' });
    await change.order('withdraw');
    expect(await change.ends()).toEqual({ ending: 'withdrawn' });
  });

  it('takes a change out of the line for a claim at once', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    change.world.claims.set(`device/machine-a/0000:02:00.0`, 'change-2');
    await change.reaches('gate');
    await change.driver.settle();
    await change.order('withdraw');
    expect(change.driver.closed).toBe(true);
    expect(await change.ends()).toEqual({ ending: 'withdrawn' });
    expect(change.world.line.size).toBe(0);
  });
});

describe('cancel', () => {
  it('while a step is under way lets it end and then undoes it', async () => {
    const change = await inState.running();
    await change.driver.advance(15_000);
    expect(await change.order('cancel')).toMatchObject(taken);
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
    expect(change.acts).toEqual([
      steps.dismountCard,
      steps.dismountSibling,
      steps.mountSibling,
      steps.mountCard,
    ]);
  });

  it.each([1, 2, 3, 4])('after step %d undoes exactly what was begun, last first', async (count) => {
    const change = await Change.submitted();
    let done = 0;
    change.world.during = ({ direction }) => {
      if (direction === 'forward' && (done += 1) === count) change.slipsIn('cancel');
    };
    await change.isApproved();
    const before = change.world.facts();
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
    expect(change.world.facts()).toEqual(before);
    const forward = [steps.dismountCard, steps.dismountSibling, steps.attachCard, steps.attachSibling];
    const back = [steps.mountCard, steps.mountSibling, steps.detachCard, steps.detachSibling];
    expect(change.acts).toEqual([...forward.slice(0, count), ...back.slice(0, count).reverse()]);
  });

  it.each<State>(['verifying', 'held'])('while %s undoes everything', async (state) => {
    const change = await inState[state]();
    await change.order('cancel');
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
  });

  it('while no worker serves the site turns the change back as soon as one comes', async () => {
    let served = true;
    const change = await Change.submitted({}, { served: (queue) => queue === 'slipway' || served });
    change.world.during = () => (served = false);
    await change.isApproved();
    await change.driver.advance(5 * 60_000);
    await change.order('cancel');
    await change.driver.advance(10 * 60_000);
    expect(change.state).toBe('undoing');
    change.world.during = () => undefined;
    served = true;
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
    expect(change.acts).toEqual([steps.dismountCard, steps.mountCard]);
  });
});

describe('a cancel in Temporal’s own UI', () => {
  it.each<State>(['inspecting', 'awaiting-review', 'scheduled', 'gate'])(
    'withdraws a change that is %s at once',
    async (state) => {
      const change = await inState[state]();
      change.driver.cancel();
      await change.driver.advance(10_000);
      expect(change.driver.outcome).toEqual({ completed: { ending: 'withdrawn' } });
      expect(change.acts).toEqual([]);
    },
  );

  it.each<State>(['running', 'verifying', 'held'])('becomes undo of a change that is %s', async (state) => {
    const change = await inState[state]();
    change.driver.cancel();
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
    expect(change.world.claims.size).toBe(0);
  });

  it('neither stops an undo nor a change that waits for an operator', async () => {
    const undoing = await inState.undoing();
    undoing.driver.cancel();
    expect(await undoing.ends()).toMatchObject({ ending: 'undone', restored: true });
    const parked = await inState.parked();
    parked.driver.cancel();
    await parked.driver.settle();
    expect(parked.state).toBe('parked');
    await parked.resolve('undo');
    expect(await parked.ends()).toMatchObject({ ending: 'undone' });
  });

  it('does not let a late review end the workflow with its device half-way', async () => {
    const change = await inState.running();
    const late = change.world.decision('approver-3', change.planHash);
    change.driver.cancel();
    change.driver.signal(reviewSignal, late);
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
  });
});

describe('hold', () => {
  it('stops after the step that is under way, keeps everything, and goes on when told', async () => {
    const change = await inState.held();
    expect(change.acts).toEqual([steps.dismountCard]);
    expect(change.world.lastTold()).toMatchObject({ waitingFor: 'power work' });
    expect(change.world.claims.size).toBeGreaterThan(0);
    await change.driver.advance(30 * 24 * 3_600_000);
    expect(change.acts).toEqual([steps.dismountCard]);
    await change.resolve('retry');
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.states).toEqual([
      ...['awaiting-review', 'gate', 'running', 'held', 'gate', 'running', 'verifying', 'closed'],
    ]);
  });

  it('can be resolved by undo', async () => {
    const change = await inState.held();
    await change.resolve('undo');
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
  });

  it('takes only retry and undo', async () => {
    const change = await inState.held();
    expect(await change.resolve('accept', 'operator-2')).toMatchObject(refused);
    expect(await change.resolve('skip', 'operator-2')).toMatchObject(refused);
  });

  it('turns back, and says why, when what was done no longer stands', async () => {
    const change = await inState.held();
    change.world.deviceAt('0000:02:00.0').holder = { kind: 'host', driver: 'nvme' };
    await change.resolve('retry');
    expect(await change.ends()).toMatchObject({ ending: 'undone', failure: { reason: 'plan-changed' } });
  });

  it('does not go on outside the window', async () => {
    const window = { from: '2026-11-22T11:00:00Z', to: '2026-11-22T14:00:00Z' };
    const change = await approvedUntil('running', { window }, slowly('act'));
    await change.order('hold');
    await change.driver.advance(4 * 3_600_000);
    await change.resolve('retry');
    await change.driver.settle();
    expect(change.world.lastTold()).toMatchObject({
      state: 'held',
      waitingFor: expect.stringContaining('closed'),
    });
    await change.resolve('undo');
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
  });

  it.each<State>(['inspecting', 'awaiting-review', 'scheduled', 'gate'])(
    'while %s keeps the change from beginning, with nothing claimed, until it is let go on',
    async (state) => {
      const change = await inState[state]();
      await change.order('hold', 'power work');
      if (state === 'inspecting' || state === 'awaiting-review') await change.isApproved();
      await change.driver.advance(2 * 24 * 3_600_000);
      expect(change.world.lastTold()).toMatchObject({ state: 'scheduled', waitingFor: 'held: power work' });
      expect(change.world.claims.size).toBe(0);
      expect(change.acts).toEqual([]);
      expect(await change.resolve('retry')).toMatchObject(taken);
      const { ending } = await change.ends();
      expect(ending).toBe(state === 'scheduled' ? 'expired' : 'succeeded');
    },
  );

  it('before the review can be lifted before the review', async () => {
    const change = await inState['awaiting-review']();
    await change.order('hold');
    expect(await change.resolve('retry')).toMatchObject(taken);
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.states).not.toContain('scheduled');
  });

  it('before the first act resolved by undo is a withdrawal', async () => {
    const change = await inState.scheduled();
    await change.order('hold');
    await change.resolve('undo');
    expect(await change.ends()).toEqual({ ending: 'withdrawn' });
  });

  it('before the first act is noticed while the change waits for its window', async () => {
    const change = await inState.scheduled();
    await change.order('hold', 'power work');
    expect(change.world.lastTold().waitingFor).toBe('held: power work');
  });

  it('before the first act does not outlive the time in which it could be run', async () => {
    const change = await inState['awaiting-review']();
    await change.order('hold');
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'expired' });
  });
});

describe('the switch of a site', () => {
  it('keeps approved changes from beginning until it is turned back', async () => {
    const change = await Change.submitted();
    change.world.siteHold = 'fire drill';
    await change.isApproved();
    await change.reaches('scheduled');
    expect(change.world.lastTold().waitingFor).toContain('fire drill');
    await change.turnsSite(null);
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });

  it('stops a running change after its step, and lets it go on when it is turned back', async () => {
    const change = await inState.running();
    await change.turnsSite('fire drill');
    await change.reaches('held');
    expect(change.acts).toEqual([steps.dismountCard]);
    expect(change.world.lastTold().waitingFor).toContain('fire drill');
    await change.turnsSite(null);
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });

  it('keeps a change held that an operator lets go on too early', async () => {
    const change = await inState.running();
    await change.turnsSite('fire drill');
    await change.reaches('held');
    await change.resolve('retry');
    await change.driver.settle();
    expect(change.state).toBe('held');
    expect(change.acts).toEqual([steps.dismountCard]);
    await change.turnsSite(null);
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });

  it('turned twice, with another reason, keeps a change held', async () => {
    const change = await inState.running();
    await change.turnsSite('fire drill');
    await change.reaches('held');
    await change.turnsSite('real fire');
    expect(change.state).toBe('held');
    expect(change.world.lastTold().waitingFor).toContain('real fire');
  });

  it('does not stop an undo', async () => {
    const change = await inState.undoing();
    await change.turnsSite('fire drill');
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
  });

  it('turned on and off between two steps does not ask for the window of steps that are done', async () => {
    // 152 s for all, 149 s without the first step: after its 4 s the window of 155 s fits only the rest.
    const window = { from: '2026-11-22T11:00:00Z', to: '2026-11-22T12:02:35Z' };
    const change = await approvedUntil(
      'running',
      { window },
      { takes: ({ name }) => (name === 'act' ? 4_000 : 0) },
    );
    await change.turnsSite('fire drill');
    await change.turnsSite(null);
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.states).not.toContain('held');
  });
});

describe('who stopped a change, and why,', () => {
  it.each([
    ['withdraw', 'awaiting-review', 'change.withdraw-ordered'],
    ['cancel', 'running', 'change.cancel-ordered'],
    ['hold', 'running', 'change.hold-ordered'],
  ] as const)('stands in the audit chain: %s', async (order, state, kind) => {
    const change = await inState[state]();
    await change.order(order, 'the reason');
    if (order === 'hold') await change.reaches('held');
    else await change.ends();
    const events = change.world.ledger.flatMap((one) => (one.kind === 'told' ? one.entry.events : []));
    expect(events.filter((event) => event.kind === kind)).toMatchObject([
      { actor: 'https://issuer.example#operator-1', data: { reason: 'the reason' } },
    ]);
  });

  it('stands there also for a resolution, with the second person', async () => {
    const change = await inState.parked();
    await change.resolve('accept', 'operator-2');
    await change.ends();
    const told = change.world.ledger.filter((one) => one.kind === 'told');
    const at = told.findIndex((one) => one.events.includes('change.resolved'));
    expect(told[at]!.entry.events).toMatchObject([
      {
        actor: 'https://issuer.example#operator-1',
        data: { resolution: 'accept', second: 'https://issuer.example#operator-2' },
      },
    ]);
    const released = change.world.ledger.findIndex((one) => one.kind === 'released');
    expect(change.world.ledger.indexOf(told[at]!)).toBeLessThan(released);
  });
});
