import { describe, expect, it } from '@jest/globals';
import type { ArmName } from '../../bench/arm.js';
import type { Measured } from '../../bench/measure.js';
import { resultsOf } from '../../bench/results.js';
import { percentile } from '../../bench/statistics.js';

/** Each change took `milliseconds`, and 10 ms of CPU per 100 ms in the worker and 1 ms in the client. */
function block(arm: ArmName, milliseconds: number, more: Partial<Measured> = {}): Measured {
  const samples = (['attach', 'return'] as const).map((action) => ({ lane: 0, action, milliseconds }));
  const cpu = { client: milliseconds / 50, processes: { worker: milliseconds / 5 } };
  const place = { round: 1, delayMs: 0 as const, atOnce: 1, pairs: 1, startedAt: '2026-01-01T00:00:00Z' };
  return { ...place, arm, wallMs: 2 * milliseconds, cpu, samples, ...more };
}

const blocks = (['A', 'B0', 'B1'] as const).flatMap((arm) => {
  const slow = { A: 200, B0: 100, B1: 50 }[arm];
  return [
    block(arm, slow),
    block(arm, slow * 3, { round: 2 }),
    block(arm, slow * 2, { delayMs: 50 }),
    block(arm, slow, { atOnce: 10 }),
  ];
});

describe('results', () => {
  it('divide A by B0, delay by delay: a ratio upside down would turn a loss into a win', () => {
    const { ratios } = resultsOf(blocks);
    expect(ratios.p50At0ms).toBeCloseTo(2);
    expect(ratios.p50At50ms).toBeCloseTo(2);
    expect(ratios.cpuPerChange).toBeCloseTo(2);
    expect(ratios.throughputAt10).toBeCloseTo(0.5);
  });

  it('keep crowded blocks out of the latencies, and delays apart', () => {
    const { A } = resultsOf([...blocks, block('A', 9999, { atOnce: 10 })]).arms;
    expect(A.at0ms).toEqual({ p50: 400, p99: 600, samples: 4 });
    expect(A.at50ms.p50).toBe(400);
  });

  it('count the CPU of all processes and of the client', () => {
    const { cpuPerChange } = resultsOf([block('A', 100), block('B0', 100), block('B1', 100)]).arms.A;
    expect(cpuPerChange.total).toBeCloseTo((100 / 5 + 100 / 50) / 2);
    expect(cpuPerChange.processes).toEqual({ worker: 10 });
  });

  it('compare rounds with themselves, so that a busy round is no difference', () => {
    const [low, high] = resultsOf(blocks).quartiles.p50At0ms;
    expect([low, high]).toEqual([2, 2]);
  });
});

describe('percentile', () => {
  it.each([
    [[1, 2, 3, 4], 0.5, 2.5],
    [[4, 1, 3], 0.5, 3],
    [[10, 20], 0.99, 19.9],
    [[5], 0.99, 5],
  ])('of %j at %d is %d', (values, share, expected) => {
    expect(percentile(values, share)).toBeCloseTo(expected);
  });
});
