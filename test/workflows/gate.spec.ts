import { afterEach, describe, expect, it } from '@jest/globals';
import { claimsFreedSignal } from '../../workflows/contract.js';
import { defaultClockPolicy } from '../../domain/window.js';
import { card } from '../domain/samples.js';
import { World } from '../support/workflow-driver-world.js';
import { Change } from './changes.js';

afterEach(() => Change.disposeAll());

const key = `device/machine-a/${card}`;
const hour = 3_600_000;

async function inLine(): Promise<Change> {
  const world = new World();
  world.claims.set(key, 'change-2');
  const change = await Change.submitted({}, { world });
  await change.isApproved();
  await change.reaches('gate');
  return change.settles();
}

function order(change: Change): string[] {
  return change.world.ledger.map((one) => (one.kind === 'told' ? one.state : one.kind));
}

describe('the gate', () => {
  it('claims before it looks, and looks before it acts', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    await change.ends();
    const names = change.driver.calls.map(({ name }) => name);
    const gate = names.slice(names.indexOf('claim'), names.indexOf('act'));
    expect(gate).toEqual(['claim', 'inspectAgain', 'mayStart', 'recordProgress']);
  });

  it('claims everything the plan may touch: both functions and the VM', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    const held: string[][] = [];
    change.world.during = () => void held.push([...change.world.claims.keys()]);
    await change.ends();
    expect(held[0]).toEqual([key, 'device/machine-a/0000:02:00.1', `vm/${change.world.vm.uuid}`]);
  });
});

describe('a claim that is refused', () => {
  it('puts the change in line, says who holds what, and touches nothing', async () => {
    const change = await inLine();
    expect(change.world.lastTold().waitingFor).toContain(`${key} is held by change-2`);
    expect([...change.world.line]).toEqual(['change-1']);
    expect(change.acts).toEqual([]);
  });

  it('is asked for again as soon as somebody wakes the change', async () => {
    const change = await inLine();
    change.world.claims.clear();
    change.driver.signal(claimsFreedSignal);
    const woken = change.driver.now;
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.driver.now).toBe(woken);
  });

  it('is asked for again now and then, should nobody wake the change', async () => {
    const change = await inLine();
    change.world.claims.clear();
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });

  it('is given up when the time to run is over', async () => {
    const change = await inLine();
    expect(await change.ends()).toEqual({ ending: 'expired' });
    expect(change.world.line.size).toBe(0);
    expect(change.world.claims.get(key)).toBe('change-2');
  });

  it('does not keep a change in line that is rejected meanwhile', async () => {
    const change = await inLine();
    await change.rejects('approver-1');
    expect(change.driver.closed).toBe(true);
    expect(await change.ends()).toEqual({ ending: 'rejected' });
    expect(change.world.line.size).toBe(0);
  });

  it('does not keep a change in line that is held meanwhile', async () => {
    const change = await inLine();
    await change.order('hold', 'power work');
    expect(change.world.lastTold()).toMatchObject({ state: 'scheduled', waitingFor: 'held: power work' });
    expect(change.world.line.size).toBe(0);
  });

  it('for a device in quarantine ends the change, with the reason of the quarantine', async () => {
    const world = new World();
    world.quarantines.set(key, 'change-0');
    const change = await Change.submitted({}, { world });
    await change.isApproved();
    expect(await change.ends()).toMatchObject({
      ending: 'refused',
      failure: { reason: 'device-quarantined', actual: `${key} by change change-0: parked` },
    });
    expect(world.quarantines.get(key)).toBe('change-0');
  });
});

describe('a no at the gate frees what was claimed and wakes who waits for it', () => {
  it.each<[string, (change: Change) => void, string]>([
    ['another plan', (change) => void (change.world.deviceAt(card).resetMethods = []), 'awaiting-review'],
    ['no plan any more', (change) => void (change.world.vm.power = 'paused'), 'closed'],
    ['the site’s switch', (change) => void (change.world.siteHold = 'fire drill'), 'scheduled'],
    ['a hold', (change) => void change.slipsIn('hold'), 'scheduled'],
    ['a withdrawal', (change) => void change.slipsIn('withdraw'), 'closed'],
  ])('%s', async (_, happens, state) => {
    const change = await Change.submitted();
    await change.isApproved();
    await change.reaches('gate');
    change.world.line.add('change-2');
    happens(change);
    await change.driver.settle();
    expect(change.state).toBe(state);
    expect(change.acts).toEqual([]);
    expect(change.world.claims.size).toBe(0);
    expect(change.woken).toEqual(['claimsFreed to change/change-2']);
    expect(order(change)).toContain('released');
  });

  it('a window that closed meanwhile', async () => {
    const window = { from: '2026-11-22T11:00:00Z', to: '2026-11-22T14:00:00Z' };
    const change = await Change.submitted(
      { window },
      { takes: ({ name }) => (name === 'inspectAgain' ? 4 * hour : 0) },
    );
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'expired' });
    expect(change.acts).toEqual([]);
    expect(change.world.claims.size).toBe(0);
  });
});

describe('a look at the gate that can’t be made', () => {
  it('because nobody serves the site waits, tells it, and goes on when somebody does', async () => {
    let served = true;
    const change = await Change.submitted({}, { served: (queue) => queue === 'slipway' || served });
    await change.isApproved();
    await change.reaches('gate');
    served = false;
    await change.driver.advance(hour);
    expect(change.world.lastTold()).toMatchObject({
      state: 'gate',
      waitingFor: expect.stringContaining('serves'),
    });
    served = true;
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });

  it('because the host is away waits, tells it, and goes on when the host is back', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    await change.reaches('gate');
    change.world.hostAway = true;
    await change.driver.advance(10 * hour);
    expect(change.world.lastTold()).toMatchObject({
      state: 'gate',
      waitingFor: expect.stringContaining('does not answer'),
    });
    expect(change.acts).toEqual([]);
    change.world.hostAway = false;
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });

  it.each<[string, (change: Change) => Promise<unknown>, string]>([
    ['withdrawn', (change) => change.order('withdraw'), 'withdrawn'],
    ['rejected', (change) => change.rejects('approver-1'), 'rejected'],
  ])(
    'because nobody serves the site does not keep the claims of a change that is %s',
    async (_, happens, ending) => {
      let served = true;
      const change = await Change.submitted({}, { served: (queue) => queue === 'slipway' || served });
      await change.isApproved();
      await change.reaches('gate');
      served = false;
      await change.driver.advance(10 * 60_000);
      await happens(change);
      await change.driver.advance(10 * 60_000);
      expect(await change.ends()).toEqual({ ending });
      expect(change.world.claims.size).toBe(0);
    },
  );

  it('does not hold claims for longer than the change may wait to begin', async () => {
    let served = true;
    const policy = { clocks: { ...defaultClockPolicy, executionExpiryMs: 24 * hour } };
    const change = await Change.submitted({}, { policy, served: (queue) => queue === 'slipway' || served });
    await change.isApproved();
    await change.reaches('gate');
    served = false;
    expect(await change.ends()).toEqual({ ending: 'expired' });
    expect(change.world.claims.size).toBe(0);
  });
});

describe('every state of the gate', () => {
  it('is told while it waits, so that nobody wonders', async () => {
    const change = await inLine();
    expect(change.driver.searchAttributes).toMatchObject({ SlipwayState: 'gate', SlipwayNeedsHuman: false });
  });
});

describe('a long wait', () => {
  it('keeps the history short: two weeks in line, or a site that is away, are some hundred events', async () => {
    const waiting = await inLine();
    await waiting.ends();
    expect(waiting.driver.calls.length).toBeLessThan(800);
    let served = true;
    const change = await Change.submitted({}, { served: (queue) => queue === 'slipway' || served });
    change.world.during = () => (served = false);
    await change.isApproved();
    await change.reaches('running');
    const before = change.driver.calls.length;
    await change.driver.advance(24 * hour);
    expect(change.driver.calls.length - before).toBeLessThan(200);
  });
});
