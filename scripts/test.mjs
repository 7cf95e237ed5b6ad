// npm test [-- SUITE …] and npm run test:kvm. Ends with one line over all suites: N passed, N failed, N skipped.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { lintChecks, runChecks, typeCheck } from './lint/checks.mjs';
import { readJson, root } from './setup/places.mjs';
import { runSuite } from './test/jest.mjs';
import { watchLeftovers } from './test/leftovers.mjs';
import { suites } from './test/suites.mjs';

const args = process.argv.slice(2);
if (args.includes('--help')) usage();
const kvm = args.includes('--kvm');
const wanted = args.filter((arg) => !arg.startsWith('-'));
const jestArgs = args.filter((arg) => arg.startsWith('-') && arg !== '--kvm');
const rows = [];

function usage() {
  process.stdout.write(`npm test [-- SUITE ... [JEST OPTION ...]]   everything that needs no root
npm run test:kvm [-- SUITE ...]             the lab suite, on an emulated KVM host

A suite is a folder of test/, or "lint"; on the KVM host a file such as lab/demo. Both end with one line: N passed, N failed, N skipped.

Example:
  npm test -- domain workflows
  npm test -- records --testNamePattern=plans
`);
  process.exit(0);
}

async function timed(name, work) {
  process.stdout.write(`\n== ${name}\n`);
  const begun = performance.now();
  // On a developer's machine others may start things in the checkout meanwhile; in CI nobody does.
  const leftovers = process.env.CI ? watchLeftovers() : () => [];
  const counts = await work();
  counts.failures.push(...(await leftovers()));
  rows.push({ name, seconds: (performance.now() - begun) / 1000, ...counts });
}

/** The lab installs Debian's packages itself when it is root, else it says which are missing. */
async function labAsTest(command) {
  return checksAsTests([{ name: `npm run lab:kvm -- ${command}`, args: ['lab/kvm/lab.mjs', command] }]);
}

/** Checks count as tests: one passed or failed each. */
async function checksAsTests(checks) {
  const results = await runChecks(checks);
  const failures = results.filter(({ passed }) => !passed).map(({ name }) => name);
  return { passed: results.length - failures.length, failures, skips: [] };
}

if (!kvm && (wanted.length === 0 || wanted.includes('lint'))) {
  await timed('lint', () => checksAsTests([typeCheck, ...lintChecks]));
}
if (kvm) await timed('lab, baked', () => labAsTest('bake'));
for (const suite of suites({ kvm })) {
  if (wanted.length === 0 || wanted.includes(suite.name) || wanted.includes(suite.folder))
    await timed(suite.name, () => runSuite(suite, jestArgs));
}
if (kvm) await timed('lab, down', () => labAsTest('down'));
if (rows.length === 0) {
  const known = ['lint', ...suites({ kvm }).map(({ name }) => name)].join(', ');
  rows.push({
    name: 'none',
    seconds: 0,
    passed: 0,
    failures: [`no suite of that name; there are ${known}`],
    skips: [],
  });
}
report();

function report() {
  const skips = rows.flatMap(({ skips }) => skips);
  const unlisted = mustBeComplete()
    ? skips.filter((skip) => !listedSkips().some((listed) => skip.includes(listed)))
    : [];
  const failures = [
    ...rows.flatMap(({ name, failures }) => failures.map((failure) => `${name}: ${failure}`)),
    ...unlisted.map((skip) => `skipped, yet not in test/skips.json: ${skip}`),
  ];
  const sum = (count) => rows.reduce((total, row) => total + count(row), 0);
  process.stdout.write('\n');
  for (const { name, seconds, passed, failures: failed, skips: skipped } of rows) {
    process.stdout.write(
      `${name.padEnd(16)} ${seconds.toFixed(1).padStart(7)} s  ${passed} passed, ${failed.length} failed, ${skipped.length} skipped\n`,
    );
  }
  process.stdout.write(
    `${'all'.padEnd(16)} ${sum(({ seconds }) => seconds)
      .toFixed(1)
      .padStart(7)} s\n`,
  );
  for (const voided of rows.flatMap(({ voids = [] }) => voids)) process.stdout.write(`void: ${voided}\n`);
  for (const skip of skips) process.stdout.write(`skipped: ${skip}\n`);
  for (const failure of failures) process.stdout.write(`failed: ${failure}\n`);
  process.stdout.write(
    `${sum(({ passed }) => passed)} passed, ${failures.length} failed, ${skips.length} skipped\n`,
  );
  process.exitCode = failures.length === 0 ? 0 : 1;
}

/** As root on Debian everything can be installed: there a skip is an excuse, unless it is in the committed list. */
function mustBeComplete() {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version');
}

function listedSkips() {
  return readJson(join(root, 'test', 'skips.json')) ?? [];
}
