import { describe, expect, it } from '@jest/globals';
import { armNames } from '../../bench/arm.js';
import { scheduleOf, stepDelays } from '../../bench/schedule.js';

const extent = { rounds: 12, crowdedRounds: 3, seed: 7 };

describe('the order of a run', () => {
  it('can be had again by its seed, and differs with another', () => {
    expect(scheduleOf(extent)).toEqual(scheduleOf(extent));
    expect(scheduleOf(extent)).not.toEqual(scheduleOf({ ...extent, seed: 8 }));
  });

  it('leaves no arm out of a round: else a busy minute would be held against the others', () => {
    const blocks = scheduleOf(extent);
    for (let round = 1; round <= extent.rounds; round += 1) {
      const alone = blocks.filter((block) => block.round === round && block.atOnce === 1);
      const met = alone.map(({ arm, delayMs }) => `${arm} ${delayMs}`).sort();
      expect(met).toEqual(armNames.flatMap((arm) => stepDelays.map((delay) => `${arm} ${delay}`)).sort());
    }
    expect(blocks.filter(({ atOnce }) => atOnce > 1)).toHaveLength(extent.crowdedRounds * armNames.length);
  });

  it('does not put the same arm first in every round', () => {
    const firsts = scheduleOf({ ...extent, crowdedRounds: 0 }).filter((_, index) => index % 6 === 0);
    expect(new Set(firsts.map(({ arm }) => arm)).size).toBeGreaterThan(1);
  });
});
