import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../setup/places.mjs';

/** What the machine's own set-up must not change about a test. */
const notForTests = /^(SLIPWAY_(?!TEMPORAL_CLI$)|DATABASE_|TEMPORAL_|OIDC_|REDIS_URL$|NODE_OPTIONS$)/;

/** test/lab/support/equipment.ts: the emulated host died by itself, and nothing was learned. */
const equipmentFailed = 86;

/**
 * Runs a suite. One whose run breaks counts as one failure, never as nothing. A run whose host died under it is
 * void: it is done once more, and told at the end.
 */
export async function runSuite(suite, jestArgs = []) {
  const counts = await runOnce(suite, jestArgs);
  if (!counts.void) return counts;
  process.stdout.write(`void: ${suite.name} runs once more on a new host\n`);
  const again = await runOnce(suite, jestArgs);
  if (again.void) again.failures.push(`${suite.name}: the emulated host died twice`);
  return { ...again, voids: [`${suite.name}: the emulated host died by itself; it was run once more`] };
}

async function runOnce(suite, jestArgs) {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-suite-'));
  const answer = join(folder, 'result.json');
  try {
    const code = await run([
      ...[
        '--experimental-vm-modules',
        '--disable-warning=ExperimentalWarning',
        'node_modules/jest/bin/jest.js',
      ],
      ...['--json', '--outputFile', answer, suite.oneByOne ? '--runInBand' : '--maxWorkers=2'],
      ...(suite.oneByOne ? ['--reporters', 'default', '--reporters', './scripts/test/each.mjs'] : []),
      ...['--testPathPatterns', `^${join(root, 'test', suite.path)}`, ...jestArgs],
    ]);
    if (code === equipmentFailed) return { void: true, passed: 0, failures: [], skips: [] };
    return countsOf(suite, readAnswer(answer), code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(args) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !notForTests.test(name)));
  if (!process.stdout.isTTY) env.NO_COLOR = '1';
  return new Promise((resolve, reject) => {
    // Jest prints its JSON on stdout too; people read its report, which goes to stderr.
    const child = spawn(process.execPath, args, {
      cwd: root,
      env,
      stdio: ['ignore', 'ignore', process.stdout],
    });
    const passOn = (signal) => child.kill(signal);
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, passOn);
    child.on('error', reject);
    child.on('exit', (code) => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, passOn);
      resolve(code ?? 1);
    });
  });
}

function readAnswer(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function countsOf(suite, answer, code) {
  if (answer === undefined)
    return { passed: 0, failures: [`${suite.name}: jest ended without a result`], skips: [] };
  const tests = answer.testResults.flatMap((file) => file.assertionResults);
  const broken = answer.testResults
    .filter(
      (file) => file.status === 'failed' && file.assertionResults.every(({ status }) => status !== 'failed'),
    )
    .map((file) => `${file.name.replace(`${root}/`, '')}: the file itself does not run`);
  const failures = [
    ...tests.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
    ...broken,
  ];
  const skips = tests
    .filter(({ status }) => ['pending', 'todo', 'disabled'].includes(status))
    .map(({ fullName }) => fullName);
  if (code !== 0 && failures.length === 0) failures.push(`${suite.name}: jest ended with exit code ${code}`);
  return { passed: answer.numPassedTests, failures, skips };
}
