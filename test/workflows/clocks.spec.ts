import { afterEach, describe, expect, it } from '@jest/globals';
import { defaultClockPolicy } from '../../domain/window.js';
import { card } from '../domain/samples.js';
import { Change, startsAt } from './changes.js';

afterEach(() => Change.disposeAll());

const minute = 60_000;
const day = 24 * 60 * minute;
const at = (ms: number): string => new Date(startsAt + ms).toISOString();

describe('the clocks of a change', () => {
  it('are all shown', async () => {
    const change = await Change.submitted({ lease: { until: at(90 * day) } });
    await change.settles();
    expect(change.world.lastTold().clocks).toEqual({
      reviewUntil: startsAt + 7 * day,
      executeUntil: startsAt + 14 * day,
      planUntil: startsAt + 7 * day,
      leaseUntil: startsAt + 90 * day,
      leaseLimit: startsAt + 365 * day,
    });
  });

  it('let reviews expire to the millisecond, and not before', async () => {
    const change = await Change.submitted();
    await change.settles();
    await change.approves('approver-1');
    await change.driver.advance(7 * day - 1);
    expect(change.driver.closed).toBe(false);
    await change.driver.advance(1);
    expect(await change.ends()).toEqual({ ending: 'expired' });
  });

  it('count a review of the last millisecond', async () => {
    const change = await Change.submitted();
    await change.settles();
    await change.driver.advance(7 * day - 1);
    await change.isApproved();
    await change.driver.settle();
    expect(change.states).toContain('gate');
  });

  it('give the reviewers of a new plan their full time', async () => {
    const change = await Change.submitted();
    await change.driver.advance(6 * day);
    await change.isApproved();
    change.world.deviceAt(card).resetMethods = [];
    await change.driver.settle();
    await change.driver.advance(6 * day);
    expect(change.driver.closed).toBe(false);
    expect(change.world.lastTold()).toMatchObject({ state: 'awaiting-review', round: 2 });
  });
});

describe('a window', () => {
  const window = { from: at(2 * day), to: at(2 * day + 240 * minute) };

  it('is waited for, and the first act comes when it opens', async () => {
    const change = await Change.submitted({ window });
    await change.isApproved();
    await change.reaches('scheduled');
    expect(change.world.lastTold().waitingFor).toBe(`the window opens at ${window.from}`);
    await change.reaches('running');
    expect(change.driver.now).toBe(Date.parse(window.from));
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });

  it('that is over before the reviews are complete ends the change', async () => {
    const change = await Change.submitted({ window });
    await change.driver.advance(3 * day);
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'expired' });
    expect(change.acts).toEqual([]);
  });

  it('weeks ahead is waited for too: no clock of the run ends before it opens', async () => {
    const far = { from: at(30 * day), to: at(30 * day + 240 * minute) };
    const change = await Change.submitted({ window: far });
    await change.isApproved();
    await change.reaches('running');
    expect(change.driver.now).toBe(Date.parse(far.from));
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });

  it('too short for the steps and their undo is no window', async () => {
    const change = await Change.submitted({ window: { from: at(day), to: at(day + minute) } });
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'expired' });
    expect(change.acts).toEqual([]);
  });

  it('is asked anew when it opens: a site that was stopped meanwhile stays stopped', async () => {
    const change = await Change.submitted({ window });
    await change.isApproved();
    await change.reaches('scheduled');
    change.world.siteHold = 'fire drill';
    await change.driver.advance(3 * day);
    expect(change.acts).toEqual([]);
    expect(await change.ends()).toEqual({ ending: 'expired' });
  });
});

describe('a change that can’t begin', () => {
  it('because its site is stopped ends when its time is over, with nothing claimed', async () => {
    const change = await Change.submitted();
    change.world.siteHold = 'fire drill';
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'expired' });
    expect(change.world.claims.size).toBe(0);
  });

  it('because the worker’s clock lags does not spin', async () => {
    const clocks = { ...defaultClockPolicy, executionExpiryMs: day, planAgeMs: 2 * day };
    const change = await Change.submitted({}, { policy: { clocks } });
    const { driver } = change;
    change.world.now = () => driver.now - 5_000;
    change.world.siteHold = 'fire drill';
    await change.isApproved();
    const before = driver.calls.length;
    expect(await change.ends()).toEqual({ ending: 'expired' });
    expect(driver.calls.length - before).toBeLessThan(20);
  });
});
