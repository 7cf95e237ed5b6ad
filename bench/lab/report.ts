import { columns, ratioRow } from '../report.js';
import { median, percentile } from '../statistics.js';
import type { LabRound } from './compare.js';

/** At most this many times what the script takes. */
export const labAim = 1.5;

export interface LabResults {
  arms: {
    product: { attachMs: number; giveBackMs: number; statesMs: Record<string, number> };
    script: { attachMs: number; seenMs: number; giveBackMs: number };
  };
  /** Product by script, medians; `labAttachSeen` with a script that also waits until the guest sees the device. */
  ratios: { labAttach: number; labAttachSeen: number; labReturn: number };
}

export function labResultsOf(rounds: readonly LabRound[]): LabResults {
  const of = (value: (round: LabRound) => number): number => median(rounds.map(value));
  const states = Object.keys(rounds[0]?.product.attach.states ?? {});
  const product = {
    attachMs: of(({ product: { attach } }) => attach.totalMs),
    giveBackMs: of(({ product: { giveBack } }) => giveBack.totalMs),
    statesMs: Object.fromEntries(
      states.map((state) => [state, of(({ product: { attach } }) => attach.states[state] ?? NaN)]),
    ),
  };
  const script = {
    attachMs: of(({ script: { attach } }) => attach.attachedMs),
    seenMs: of(({ script: { attach } }) => attach.seenMs),
    giveBackMs: of(({ script: { giveBackMs } }) => giveBackMs),
  };
  return {
    arms: { product, script },
    ratios: {
      labAttach: product.attachMs / script.attachMs,
      labAttachSeen: product.attachMs / script.seenMs,
      labReturn: product.giveBackMs / script.giveBackMs,
    },
  };
}

export function labTable(rounds: readonly LabRound[]): string {
  const { arms, ratios } = labResultsOf(rounds);
  const { product, script } = arms;
  const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(2);
  const states = Object.entries(product.statesMs).map(([state, time]) => `${state} ${seconds(time)}`);
  const quartiles = (value: (round: LabRound) => number): [number, number] => {
    const all = rounds.map(value);
    return [percentile(all, 0.25), percentile(all, 0.75)];
  };
  return [
    `Medians of ${rounds.length} rounds, in seconds`,
    ...columns([
      ['', 'attach', 'and seen in the guest', 'return'],
      ['the product over HTTP', '', seconds(product.attachMs), seconds(product.giveBackMs)],
      ['virsh by a script', seconds(script.attachMs), seconds(script.seenMs), seconds(script.giveBackMs)],
    ]),
    `the product's attach: ${states.join(' · ')}`,
    '',
    'product / script',
    ...columns([
      ['', 'ratio', 'aim', '', 'quartiles of the rounds'],
      ratioRow(
        'attach',
        ratios.labAttach,
        labAim,
        quartiles((round) => round.product.attach.totalMs / round.script.attach.attachedMs),
      ),
      ratioRow(
        'attach, script too until the guest sees it',
        ratios.labAttachSeen,
        labAim,
        quartiles((round) => round.product.attach.totalMs / round.script.attach.seenMs),
      ),
      ratioRow(
        'return',
        ratios.labReturn,
        labAim,
        quartiles((round) => round.product.giveBack.totalMs / round.script.giveBackMs),
      ),
    ]),
    '',
    'What the script does not do: look before it acts, plan, two reviews, claim and fence, check holders and mounts at the',
    'moment of acting, survive a lost connection, write a record, undo.',
  ].join('\n');
}
