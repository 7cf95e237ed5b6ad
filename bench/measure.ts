import { setTimeout as sleep } from 'node:timers/promises';
import type { Errand } from './arm.js';
import { type Cpu, cpuSince, cpuSoFar } from './cpu.js';
import { voidBecause } from './ledger.js';
import type { Place } from './place.js';
import type { Block } from './schedule.js';

export interface Sample {
  lane: number;
  action: Errand['action'];
  milliseconds: number;
}

/** A block that was run, as it is written to the file of raw samples. */
export interface Measured extends Block {
  startedAt: string;
  wallMs: number;
  cpu: Cpu;
  samples: Sample[];
}

/** What a change leaves to be done after its end belongs to its own block's CPU time. */
const settleMs = 100;

/** The device and the VM of a lane; lane 0 is the one that runs alone. */
export function laneOf(lane: number): Omit<Errand, 'action'> {
  return {
    vm: `vm-${String(lane).padStart(2, '0')}`,
    address: `0000:${(lane + 1).toString(16).padStart(2, '0')}:00.0`,
  };
}

/** Thrown when a run proves nothing, since not everything happened once. */
export class VoidRun extends Error {}

/** @throws VoidRun when a change did not succeed, or the ledger has not exactly the effects that were asked for */
export async function runBlock(
  block: Block,
  { arms, simulator, processes }: Pick<Place, 'arms' | 'simulator' | 'processes'>,
): Promise<Measured> {
  const errands = errandsOf(block);
  await simulator.delaySteps(block.delayMs);
  const prepared = await Promise.all(
    errands.map((lane) => Promise.all(lane.map((errand) => arms[block.arm].prepare(errand)))),
  );
  const startedAt = new Date().toISOString();
  const cpuBefore = cpuSoFar(processes);
  const began = performance.now();
  const lanes = await Promise.allSettled(
    prepared.map(async (changes, lane) => {
      const samples: Sample[] = [];
      for (const [index, change] of changes.entries()) {
        const start = performance.now();
        await change.run();
        const { action } = errands[lane]![index]!;
        samples.push({ lane, action, milliseconds: performance.now() - start });
      }
      return samples;
    }),
  );
  const wallMs = performance.now() - began;
  await sleep(settleMs);
  const cpu = cpuSince(cpuBefore, cpuSoFar(processes));
  const samples = lanes.flatMap((lane) => (lane.status === 'fulfilled' ? lane.value : []));
  const failed = lanes.find((lane) => lane.status === 'rejected');
  const why = failed ? textOf(failed.reason) : voidBecause(await simulator.newEffects(), errands.flat());
  if (why !== null) throw new VoidRun(`${block.arm}, round ${block.round}, ${block.atOnce} at once: ${why}`);
  return { ...block, startedAt, wallMs, cpu, samples };
}

/** Attach and return in turn, so that the world is as before when the block is over. */
function errandsOf({ atOnce, pairs }: Block): Errand[][] {
  return Array.from({ length: atOnce }, (_, lane) =>
    Array.from({ length: pairs }, (): Errand[] => [
      { action: 'attach', ...laneOf(lane) },
      { action: 'return', ...laneOf(lane) },
    ]).flat(),
  );
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${textOf(error.cause)}` : error.message;
}
