import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { checkout } from '../stack/places.js';
import { type Measured, runBlock, VoidRun } from './measure.js';
import { type BenchOptions, readOptions } from './options.js';
import { openPlace, type Place } from './place.js';
import { bareSteps, fairnessTable, resultTable } from './report.js';
import { resultsOf } from './results.js';
import { type Block, scheduleOf, warmUp } from './schedule.js';

/** `npm run bench`. Progress goes to standard error, results to standard output. */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env['INIT_CWD'] ?? process.cwd());
  const began = performance.now();
  const say = (line: string): void => {
    process.stderr.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
  };
  return compareWithBare(options, say);
}

async function compareWithBare(options: BenchOptions, say: (line: string) => void): Promise<number> {
  const load = { cpus: availableParallelism(), before: loadavg(), after: [0, 0, 0] };
  process.stdout.write(`${fairnessTable()}\n\nB0 and B1: ${bareSteps}\n\nseed ${options.seed}\n`);
  const place = await openPlace(say);
  const measured: Measured[] = [];
  try {
    for (const block of warmUp(options.warmUp)) await told(block, place, say);
    for (const block of scheduleOf(options)) measured.push(await told(block, place, say));
  } catch (error) {
    if (!(error instanceof VoidRun)) throw error;
    process.stdout.write(`\nVOID, nothing of this run counts: ${error.message}\n`);
    if (options.json) write(options.json, `${JSON.stringify({ void: error.message, load }, null, 2)}\n`);
    return 1;
  } finally {
    load.after = loadavg();
    say('stopping');
    await place.close();
  }
  const samples = options.samples ?? join(checkout, '.slipway', 'bench', `samples-${options.seed}.jsonl`);
  write(samples, measured.map((block) => `${JSON.stringify(block)}\n`).join(''));
  const results = resultsOf(measured);
  const { seed, rounds, crowdedRounds } = options;
  const node = process.version;
  if (options.json)
    write(
      options.json,
      `${JSON.stringify({ load, ...results, seed, rounds, crowdedRounds, node }, null, 2)}\n`,
    );
  const loads = (three: number[]): string => three.map((value) => value.toFixed(2)).join(' ');
  process.stdout.write(
    `\n${resultTable(results)}\n\nload average ${loads(load.before)} before, ${loads(load.after)} after, on ${load.cpus} CPUs\nraw samples: ${samples}\n`,
  );
  return 0;
}

async function told(block: Block, place: Place, say: (line: string) => void): Promise<Measured> {
  const measured = await runBlock(block, place);
  const { round, arm, delayMs, atOnce, samples, wallMs } = measured;
  const each = `${(wallMs / samples.length).toFixed(0)} ms each`;
  const crowd = atOnce === 1 ? `delay ${delayMs} ms` : `${atOnce} at once`;
  say(
    `${round === 0 ? 'warm-up' : `round ${round}`}  ${arm.padEnd(2)}  ${crowd}: ${samples.length} changes, ${each}`,
  );
  return measured;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`the bench stopped: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
