import { type Measured, runBlock, VoidRun } from './measure.js';
import type { BenchOptions } from './options.js';
import type { Opened } from './own-stack.js';
import { openPlace, type Place } from './place.js';
import { bareSteps, fairnessTable, resultTable } from './report.js';
import { resultsOf } from './results.js';
import { type Block, scheduleOf, warmUp } from './schedule.js';
import { type Outcome, samplesFile, writeFile } from './outcome.js';

/** A, B0 and B1 on the simulated host. */
export async function compareWithBare(
  options: BenchOptions,
  opened: Opened,
  say: (line: string) => void,
): Promise<Outcome> {
  process.stdout.write(`${fairnessTable()}\n\nB0 and B1: ${bareSteps}\n\n`);
  const place = await openPlace(opened, say);
  const measured: Measured[] = [];
  try {
    for (const block of warmUp(options.warmUp)) await told(block, place, say);
    for (const block of scheduleOf(options)) measured.push(await told(block, place, say));
  } catch (error) {
    if (!(error instanceof VoidRun)) throw error;
    return { text: `VOID, nothing of this run counts: ${error.message}`, document: { void: error.message } };
  }
  const samples = samplesFile(options, 'samples');
  writeFile(samples, measured.map((block) => `${JSON.stringify(block)}\n`).join(''));
  const results = resultsOf(measured);
  const { rounds, crowdedRounds } = options;
  return {
    text: `${resultTable(results)}\n\nraw samples: ${samples}`,
    document: { ...results, rounds, crowdedRounds },
  };
}

async function told(block: Block, place: Place, say: (line: string) => void): Promise<Measured> {
  const measured = await runBlock(block, place);
  const { round, arm, delayMs, atOnce, samples, wallMs } = measured;
  const each = `${(wallMs / samples.length).toFixed(0)} ms each`;
  const crowd = atOnce === 1 ? `delay ${delayMs} ms` : `${atOnce} at once`;
  const when = round === 0 ? 'warm-up' : `round ${round}`;
  say(`${when}  ${arm.padEnd(2)}  ${crowd}: ${samples.length} changes, ${each}`);
  return measured;
}
