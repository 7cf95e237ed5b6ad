import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { askWindow, defaultClockPolicy } from '../../domain/window.js';

const window = { from: '2026-12-05T22:00:00+01:00', to: '2026-12-06T02:00:00+01:00' };
const opens = Date.parse('2026-12-05T21:00:00Z');
const closes = Date.parse('2026-12-06T01:00:00Z');
const minute = 60_000;

describe('a window', () => {
  it('that nobody asked for is always open', () => {
    expect(askWindow(undefined, opens, 1e12)).toEqual({ open: true, closesInMs: null });
  });

  it.each([
    ['a minute before it opens', opens - minute, { open: false, opensInMs: minute }],
    ['in the millisecond in which it opens', opens, { open: true, closesInMs: closes - opens }],
    ['with just enough time left', closes - 5 * minute, { open: true, closesInMs: 5 * minute }],
    ['with a millisecond too little', closes - 5 * minute + 1, { open: false, opensInMs: null }],
    ['in the millisecond in which it closes', closes, { open: false, opensInMs: null }],
    ['long after', closes + 1e9, { open: false, opensInMs: null }],
  ])('answers %s', (_, now, answer) => {
    expect(askWindow(window, now, 5 * minute)).toMatchObject(answer);
  });

  it('says why it is shut', () => {
    expect(askWindow(window, opens - 1, 0)).toMatchObject({ why: `the window opens at ${window.from}` });
    expect(askWindow(window, closes, 0)).toMatchObject({ why: `the window closed at ${window.to}` });
    expect(askWindow(window, closes - 1000, minute)).toMatchObject({
      why: `60 s (run and undo) do not fit before the window closes at ${window.to}`,
    });
  });

  it('means moments, not clocks on a wall: offsets and summer time don’t move it', () => {
    const utc = { from: '2026-12-05T21:00:00Z', to: '2026-12-06T01:00:00Z' };
    fc.assert(
      fc.property(fc.integer({ min: opens - minute * 99, max: closes + minute * 99 }), (now) => {
        const { open } = askWindow(window, now, minute);
        expect(askWindow(utc, now, minute).open).toBe(open);
      }),
    );
  });

  it('lets nothing start that would not be over, undo included, when it closes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: opens - 1e7, max: closes + 1e7 }),
        fc.integer({ min: 0, max: 1e8 }),
        (now, needed) => {
          const { open } = askWindow(window, now, needed);
          expect(open).toBe(now >= opens && now < closes && now + needed <= closes);
        },
      ),
    );
  });
});

describe('the default clocks', () => {
  it('leave time to run what was reviewed at the last moment', () => {
    expect(defaultClockPolicy.executionExpiryMs).toBeGreaterThan(defaultClockPolicy.reviewExpiryMs);
  });
});
