import { type ArmName, armNames } from './arm.js';
import type { Measured } from './measure.js';
import { crowd, type StepDelay } from './schedule.js';
import { median, percentile, sum } from './statistics.js';

export interface Latency {
  p50: number;
  p99: number;
  samples: number;
}

export interface ArmResult {
  at0ms: Latency;
  at50ms: Latency;
  /** Changes per second, ten at once, without delay: the median of the rounds. */
  throughputAt10: number;
  /** Milliseconds of CPU per change over all blocks, by process; `alone` and `crowded` are the blocks apart. */
  cpuPerChange: {
    total: number;
    client: number;
    processes: Record<string, number>;
    alone: number;
    crowded: number;
  };
}

export interface Ratios {
  p50At0ms: number;
  p50At50ms: number;
  cpuPerChange: number;
  throughputAt10: number;
}

export interface Results {
  arms: Record<ArmName, ArmResult>;
  /** A divided by B0. */
  ratios: Ratios;
  /** The same round by round, quartiles: rounds meet the same load, so this tells noise from difference. */
  quartiles: { p50At0ms: [number, number]; p50At50ms: [number, number]; throughputAt10: [number, number] };
}

export function resultsOf(blocks: readonly Measured[]): Results {
  const arms = Object.fromEntries(
    armNames.map((arm) => [arm, armResult(blocks.filter((block) => block.arm === arm))]),
  ) as Record<ArmName, ArmResult>;
  const { A, B0 } = arms;
  return {
    arms,
    ratios: {
      p50At0ms: A.at0ms.p50 / B0.at0ms.p50,
      p50At50ms: A.at50ms.p50 / B0.at50ms.p50,
      cpuPerChange: A.cpuPerChange.total / B0.cpuPerChange.total,
      throughputAt10: A.throughputAt10 / B0.throughputAt10,
    },
    quartiles: {
      p50At0ms: quartilesByRound(alone(blocks, 0), (block) => sum(times(block))),
      p50At50ms: quartilesByRound(alone(blocks, 50), (block) => sum(times(block))),
      throughputAt10: quartilesByRound(crowded(blocks), perSecond),
    },
  };
}

function armResult(blocks: readonly Measured[]): ArmResult {
  const perChange = (some: readonly Measured[], time: (block: Measured) => number): number =>
    sum(some.map(time)) / sum(some.map((block) => block.samples.length));
  const total = ({ cpu }: Measured): number => cpu.client + sum(Object.values(cpu.processes));
  const names = Object.keys(blocks[0]?.cpu.processes ?? {});
  const one = blocks.filter(({ atOnce }) => atOnce === 1);
  const many = crowded(blocks);
  return {
    at0ms: latencyOf(alone(blocks, 0)),
    at50ms: latencyOf(alone(blocks, 50)),
    throughputAt10: median(many.map(perSecond)),
    cpuPerChange: {
      total: perChange(blocks, total),
      client: perChange(blocks, ({ cpu }) => cpu.client),
      processes: Object.fromEntries(
        names.map((name) => [name, perChange(blocks, ({ cpu }) => cpu.processes[name] ?? 0)]),
      ),
      alone: perChange(one, total),
      crowded: perChange(many, total),
    },
  };
}

function alone(blocks: readonly Measured[], delayMs: StepDelay): Measured[] {
  return blocks.filter((block) => block.atOnce === 1 && block.delayMs === delayMs);
}

function crowded(blocks: readonly Measured[]): Measured[] {
  return blocks.filter(({ atOnce }) => atOnce === crowd);
}

function times({ samples }: Measured): number[] {
  return samples.map(({ milliseconds }) => milliseconds);
}

function latencyOf(blocks: readonly Measured[]): Latency {
  const all = blocks.flatMap(times);
  return { p50: median(all), p99: percentile(all, 0.99), samples: all.length };
}

function perSecond({ samples, wallMs }: Measured): number {
  return (samples.length * 1000) / wallMs;
}

function quartilesByRound(blocks: readonly Measured[], value: (block: Measured) => number): [number, number] {
  const rounds = [...new Set(blocks.map(({ round }) => round))];
  const ratios = rounds.flatMap((round) => {
    const of = (arm: ArmName): number[] =>
      blocks.filter((block) => block.round === round && block.arm === arm).map(value);
    const [a] = of('A');
    const [b0] = of('B0');
    return a !== undefined && b0 !== undefined ? [a / b0] : [];
  });
  return [percentile(ratios, 0.25), percentile(ratios, 0.75)];
}
