import { processEnvironment } from '../config/env.js';
import { readOptions } from './options.js';
import { StackError } from './failure.js';
import { type Stack, startStack } from './stack.js';

/** `npm start`: runs the stack until Ctrl-C. */
const begun = performance.now();

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), processEnvironment());
  if (options === undefined) return;
  const stopAsked = firstSignal();
  const starting = startStack({ ...options, report: (line) => say(line) });
  const stack = await Promise.race([starting, stopAsked]);
  if (typeof stack !== 'string') printReady(stack);
  const signal = await stopAsked;
  say(`${signal}: stopping`);
  // A stop asked for while starting waits for the start to end, well or not, so that nothing is left running.
  await (await starting).stop();
  say('stopped');
}

/** The first signal that asks to stop; later ones are for the impatient and change nothing. */
function firstSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => resolve(signal));
  });
}

function say(line: string): void {
  process.stdout.write(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
}

function printReady({ addresses }: Stack): void {
  const { apiUrl, temporal, issuer, database, estate, home } = addresses;
  const rows = [
    ['api', apiUrl],
    ['Temporal UI', temporal.uiUrl ?? 'none known'],
    ['Temporal', `${temporal.address}, namespace ${temporal.namespace}`],
    ['OIDC issuer', issuer.url],
    ['register', database.appUrl.replace(/\/\/[^@]*@/, '//')],
    ['estate', estate],
    ['data', home],
  ];
  say(`ready: ${apiUrl}`);
  for (const [name, value] of rows) process.stdout.write(`            ${(name ?? '').padEnd(12)} ${value}\n`);
  process.stdout.write('            Ctrl-C stops all\n');
}

try {
  await main();
} catch (error) {
  process.stderr.write(
    `slipway does not start: ${error instanceof StackError ? error.message : String(error)}\n`,
  );
  if (!(error instanceof StackError) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}
