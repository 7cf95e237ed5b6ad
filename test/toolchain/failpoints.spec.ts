import { describe, expect, it } from '@jest/globals';
import { problemsOf } from '../../scripts/lint/failpoints.mjs';

const body = (points: readonly string[]): string =>
  points.map((point) => `failpoint('act.${point}');`).join('\n');
const all = ['b0', 'b1', 'b2', 'b3', 'b4'];
const factory = (points: readonly string[]): string =>
  `export function createTouch() { return { async act() { ${body(points)} } }; function record() {} }`;

describe('the check of failpoints', () => {
  it('accepts an activity that stops at all five, also inside a callback', () => {
    expect(problemsOf('act.ts', factory(all))).toEqual([]);
    const inside = `export function createTouch() { return { async act() { ${body(['b0', 'b1', 'b3', 'b4'])}
      await call((note) => { if (note === 'sent') failpoint('act.b2'); }); } }; }`;
    expect(problemsOf('act.ts', inside)).toEqual([]);
  });

  it.each(all)(
    'refuses an activity that cannot be stopped at %s: nothing would prove it survives that',
    (missing) => {
      const problems = problemsOf('act.ts', factory(all.filter((point) => point !== missing)));
      expect(problems).toEqual([`act.ts: activity act never calls failpoint('act.${missing}')`]);
    },
  );

  it('refuses a second activity that was added without them', () => {
    const two = `export function createTouch() { return { async act() { ${body(all)} }, async reboot() {} }; }`;
    expect(problemsOf('act.ts', two)).toHaveLength(5);
    const shorthand = `export function createTouch() { return { reboot }; async function reboot() { ${body(['b0'])} } }`;
    expect(problemsOf('act.ts', shorthand)).toContain(
      "act.ts: activity reboot never calls failpoint('reboot.b0')",
    );
  });

  it('refuses a misspelt failpoint and a file in which it finds no activity', () => {
    expect(problemsOf('act.ts', factory([...all, 'b5']))).toHaveLength(1);
    expect(problemsOf('act.ts', 'export const act = 1;')).toHaveLength(1);
  });
});
