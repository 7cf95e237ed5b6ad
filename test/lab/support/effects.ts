import { expect } from '@jest/globals';
import type { Bench } from './bench.js';

const changing = ['nodedev-detach', 'nodedev-reattach', 'attach-device', 'detach-device', 'start', 'destroy'];

/**
 * However often an operation was ordered: the guard's journal has its effect at most once, and each command that
 * changes something succeeded at most once for each place it was meant for.
 */
export async function expectEachEffectOnce({ host, product }: Bench, changeId: string): Promise<void> {
  const steps = await product.timeline(changeId);
  expect(steps.length).toBeGreaterThan(0);
  for (const { name, opId, outcome } of steps) {
    const events = await host.journal(opId);
    const effects = events.filter(({ event }) => event === 'effect').length;
    // None of its own when the reply to an earlier try was lost, and the effect found.
    expect({ name, effects }).toEqual({ name, effects: outcome === 'done' ? Math.min(effects, 1) : 0 });
    const succeeded = events
      .flatMap(({ ran }) => (ran?.exitCode === 0 ? [ran.argv.join(' ')] : []))
      .filter((line) => changing.some((command) => line.includes(` ${command} `)));
    expect({ name, succeeded }).toEqual({ name, succeeded: [...new Set(succeeded)] });
  }
}
