import { availableParallelism, loadavg } from 'node:os';
import { compareWithBare } from './compare.js';
import { compareOnLab } from './lab/compare.js';
import { readOptions } from './options.js';
import { writeFile } from './outcome.js';
import { Opened } from './own-stack.js';

/** `npm run bench`. Progress goes to standard error, results to standard output; a void run exits 1. */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env['INIT_CWD'] ?? process.cwd());
  const began = performance.now();
  const say = (line: string): void => {
    process.stderr.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
  };
  const { seed } = options;
  const opened = new Opened();
  const before = loadavg();
  process.stdout.write(`seed ${seed}\n\n`);
  const compare = options.lab ? compareOnLab : compareWithBare;
  try {
    const { text, document } = await compare(options, opened, say);
    const load = { cpus: availableParallelism(), before, after: loadavg() };
    const { version: node } = process;
    if (options.json)
      writeFile(options.json, `${JSON.stringify({ load, ...document, seed, node }, null, 2)}\n`);
    process.stdout.write(
      `\n${text}\n\nload average ${textOf(before)} before, ${textOf(load.after)} after, on ${load.cpus} CPUs\n`,
    );
    return document.void === undefined ? 0 : 1;
  } finally {
    say('stopping');
    await opened.close();
  }
}

function textOf(load: readonly number[]): string {
  return load.map((value) => value.toFixed(2)).join(' ');
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`the bench stopped: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
