import { armNames } from './arm.js';
import type { Ratios, Results } from './results.js';

/** What the ratios ought to be: at most this, but for throughput, where it is at least. */
export const aims: Ratios = { p50At0ms: 1.3, p50At50ms: 1.0, cpuPerChange: 1.5, throughputAt10: 1.0 };

const titles = {
  A: 'A   the product over HTTP',
  B0: 'B0  bare workflow, plain activities',
  B1: 'B1  bare workflow, local activities',
};

/** What B0 and B1 run, in this order. The steps in brackets are B1's local activities. */
export const bareSteps =
  'inspect · two approvals as update messages · [claim] · inspect again · [may start] · one act for each step of the plan · [raise epoch] · verify · [release]';

/** A faster arm that does less must be visible as one. */
const guarantees: [what: string, A: boolean, B0: boolean, B1: boolean][] = [
  ['claim with epoch; fenced host; intent and outcome of each act in the register', true, true, true],
  [
    'the plan of the approval is the plan that runs; proof on host and in guest; claims freed',
    true,
    true,
    true,
  ],
  ['each step survives a crash of the worker', true, true, true],
  ['HTTP: token, role and every field checked; problems; live events', true, false, false],
  ['reviews signed, verified, kept even when no worker answers; requester excluded', true, false, false],
  ['hash-chained audit record of decisions; outbox; state readable while it runs', true, false, false],
  ['state and steps shown in Temporal (search attributes, details)', true, false, false],
  ['withdraw, hold, cancel, undo, parked; retried register, stalled sites waited out', true, false, false],
];

export function fairnessTable(): string {
  const width = Math.max(...guarantees.map(([what]) => what.length));
  const rows = guarantees.map(
    ([what, ...has]) => `  ${what.padEnd(width)}  ${has.map((yes) => (yes ? 'yes' : '-  ')).join('  ')}`,
  );
  return ['What each arm guarantees', `  ${''.padEnd(width)}  A    B0   B1`, ...rows].join('\n');
}

export function resultTable({ arms, ratios, quartiles }: Results): string {
  const head = ['', 'p50 0 ms', 'p99 0 ms', 'p50 50 ms', 'p99 50 ms', 'changes/s at 10', 'CPU-ms/change'];
  const rows = armNames.map((name) => {
    const { at0ms, at50ms, throughputAt10, cpuPerChange } = arms[name];
    const numbers = [at0ms.p50, at0ms.p99, at50ms.p50, at50ms.p99].map((value) => value.toFixed(0));
    return [titles[name], ...numbers, throughputAt10.toFixed(2), cpuPerChange.total.toFixed(0)];
  });
  const { samples } = arms.A.at0ms;
  return [
    ...columns([head, ...rows]),
    `(${samples} changes per arm and delay, one at a time; times in ms)`,
    '',
    ...cpuByProcess(arms),
    '',
    'A / B0',
    ...columns([
      ['', 'ratio', 'aim', '', 'quartiles of the rounds'],
      ratioRow('p50 at 0 ms', ratios.p50At0ms, aims.p50At0ms, quartiles.p50At0ms),
      ratioRow('p50 at 50 ms', ratios.p50At50ms, aims.p50At50ms, quartiles.p50At50ms),
      ratioRow('CPU per change', ratios.cpuPerChange, aims.cpuPerChange),
      ratioRow('changes/s at 10', ratios.throughputAt10, aims.throughputAt10, quartiles.throughputAt10, true),
    ]),
  ].join('\n');
}

function cpuByProcess(arms: Results['arms']): string[] {
  const names = Object.keys(arms.A.cpuPerChange.processes);
  const head = ['CPU-ms per change', 'client', ...names, 'one at a time', 'ten at once'];
  const rows = armNames.map((arm) => {
    const { client, processes, alone, crowded } = arms[arm].cpuPerChange;
    const numbers = [client, ...names.map((name) => processes[name] ?? NaN), alone, crowded];
    return [arm, ...numbers.map((value) => value.toFixed(1))];
  });
  return columns([head, ...rows]);
}

export function ratioRow(
  name: string,
  ratio: number,
  aim: number,
  quartiles?: [number, number],
  atLeast = false,
): string[] {
  const reached = atLeast ? ratio >= aim : ratio <= aim;
  return [
    name,
    ratio.toFixed(2),
    `${atLeast ? '≥' : '≤'} ${aim.toFixed(1)}`,
    reached ? 'reached' : 'MISSED',
    quartiles ? `${quartiles[0].toFixed(2)} to ${quartiles[1].toFixed(2)}` : '',
  ];
}

export function columns(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}
