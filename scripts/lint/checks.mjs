// The checks of `npm run lint`, each a program that prints what is wrong and ends with an exit code.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/places.mjs';

const folders = [
  'domain',
  'workflows',
  'activities',
  'hypervisors',
  'records',
  'queues',
  'config',
  'api',
  'worker',
  'cli',
  'stack',
  'lab',
  'bench',
  'test',
  'scripts',
];

export const lintChecks = [
  { name: 'code rules (eslint)', args: ['node_modules/eslint/bin/eslint.js', '.'] },
  {
    name: 'import walls (dependency-cruiser)',
    args: [
      'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
      '--config',
      '.dependency-cruiser.cjs',
      ...folders.filter((folder) => existsSync(join(root, folder))),
    ],
  },
  { name: 'dead code (knip)', args: ['node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints'] },
  {
    name: 'format (prettier)',
    args: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
  },
  { name: 'failpoints of touch activities', args: ['scripts/lint/failpoints.mjs'] },
  { name: 'nothing that has no place here', args: ['scripts/lint/hygiene.mjs'] },
];

export const typeCheck = {
  name: 'types (tsc)',
  args: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'],
};

/** Runs the checks two at a time; gives each with whether it passed, what it printed and how long it took. */
export async function runChecks(checks) {
  const waiting = [...checks];
  const results = [];
  const work = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const result = await runCheck(check);
      process.stdout.write(
        `${result.passed ? 'passed' : 'FAILED'} ${(result.milliseconds / 1000).toFixed(1).padStart(6)} s  ${check.name}\n`,
      );
      if (!result.passed) process.stdout.write(`${result.output.trim()}\n`);
      results.push(result);
    }
  };
  await Promise.all([work(), work()]);
  return results;
}

function runCheck(check) {
  return new Promise((resolve) => {
    const begun = performance.now();
    const child = spawn(process.execPath, check.args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    child.on('error', (error) =>
      resolve({ ...check, passed: false, output: error.message, milliseconds: 0 }),
    );
    child.on('close', (code) =>
      resolve({ ...check, passed: code === 0, output, milliseconds: performance.now() - begun }),
    );
  });
}
