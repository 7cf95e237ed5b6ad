import { randomOf, shuffled } from './random.js';
import { type ArmName, armNames } from './arm.js';

/** The delays that every step of a change takes on the simulated host, in milliseconds. */
export const stepDelays = [0, 50] as const;
export type StepDelay = (typeof stepDelays)[number];

/** What is run in one go by one arm: `atOnce` lanes beside each other, each attach and return, `pairs` times. */
export interface Block {
  round: number;
  arm: ArmName;
  delayMs: StepDelay;
  atOnce: number;
  pairs: number;
}

export interface Extent {
  /** Rounds of one change at a time; in each, every arm runs once per delay. */
  rounds: number;
  /** Rounds of ten at once. */
  crowdedRounds: number;
  seed: number;
}

export const crowd = 10;

/** All blocks in the order they are run: within a round at random, so that no arm has the quieter moments. */
export function scheduleOf({ rounds, crowdedRounds, seed }: Extent): Block[] {
  const random = randomOf(seed);
  const alone = (round: number): Block[] =>
    armNames.flatMap((arm) =>
      stepDelays.map((delayMs): Block => ({ round, arm, delayMs, atOnce: 1, pairs: 1 })),
    );
  const crowded = (round: number): Block[] =>
    armNames.map((arm) => ({ round, arm, delayMs: 0, atOnce: crowd, pairs: 2 }));
  const every = Math.max(1, Math.floor(rounds / Math.max(1, crowdedRounds)));
  const blocks: Block[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    blocks.push(...shuffled(alone(round), random));
    const crowdedRound = round / every;
    if (Number.isInteger(crowdedRound) && crowdedRound <= crowdedRounds)
      blocks.push(...shuffled(crowded(crowdedRound), random));
  }
  return blocks;
}

/** Runs before anything is measured, so that every arm's code, pools and caches are warm. */
export function warmUp(pairs: number): Block[] {
  return armNames.flatMap((arm): Block[] => [
    { round: 0, arm, delayMs: 0, atOnce: 1, pairs },
    { round: 0, arm, delayMs: 0, atOnce: crowd, pairs: 1 },
  ]);
}
