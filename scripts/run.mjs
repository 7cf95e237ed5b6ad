#!/usr/bin/env node
// `npm run NAME -- ARGS`: sets up what is missing, then runs the entry on Node 24. Plain Node >= 20, no packages.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup/places.mjs';
import { SetupError } from './setup/progress.mjs';
import { setUp } from './setup.mjs';

/** What each name runs: a compiled entry of dist/, or a script of this folder. */
const entries = {
  build: [],
  start: ['dist/stack/main.js'],
  demo: ['dist/lab/demo/main.js'],
  slipway: ['dist/cli/main.js'],
  'lab:kvm': ['lab/kvm/lab.mjs'],
  bench: ['dist/bench/main.js'],
  lint: ['scripts/lint.mjs'],
  verify: ['scripts/lint.mjs', '--types'],
  format: ['node_modules/prettier/bin/prettier.cjs', '--write', '.'],
  test: ['scripts/test.mjs'],
  'test:kvm': ['scripts/test.mjs', '--kvm'],
};

/** Entries without options of their own; every other one answers `--help` itself. */
const plain = {
  build: 'Compiles what has changed.\n\nExample:\n  npm run build',
  lint: 'Code rules, walls, dead code, format, failpoints, hygiene.\n\nExample:\n  npm run lint',
  verify: 'What lint does, and the types.\n\nExample:\n  npm run verify',
  format: 'Rewrites every file in the one format.\n\nExample:\n  npm run format',
};

async function main([name, ...args]) {
  const entry = entries[name];
  if (plain[name] && args.includes('--help')) {
    process.stdout.write(`${plain[name]}\n`);
    return 0;
  }
  if (entry === undefined) {
    throw new SetupError(`there is no "${name}".`, [`one of: ${Object.keys(entries).join(', ')}`]);
  }
  const { node } = await setUp();
  if (entry.length === 0) return 0;
  if (!existsSync(join(root, entry[0]))) throw new SetupError(`${entry[0]} is missing.`, ['npm run build']);
  return await runToItsEnd(node, ['--enable-source-maps', join(root, entry[0]), ...entry.slice(1), ...args]);
}

/** Hands every signal on and leaves only after the child: who waits for us may rely on all being down. */
function runToItsEnd(node, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { stdio: 'inherit' });
    // A terminal's Ctrl-C reaches the whole group by itself; a second one from us would count as "at once".
    process.on('SIGINT', () => {});
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`setup failed: ${error.message}\n`);
  // Whoever counts tests must not take a set-up that failed for a run without any.
  if (process.argv[2]?.startsWith('test')) process.stdout.write('0 passed, 1 failed, 0 skipped\n');
  process.exitCode = 1;
}
