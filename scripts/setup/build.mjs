import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { places, root } from './places.mjs';
import { SetupError, say } from './progress.mjs';

/** The folders that become dist/; tests are run from their sources. */
const sources = [
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
];
const notAssets = /\.(ts|md)$|(^|\/)(__pycache__|\.cache)(\/|$)/;

/** Compiles with tsc, copies what is no TypeScript beside it, bundles the workflows. Gives false if all was built. */
export function build(node) {
  const files = sources.flatMap((folder) => filesBelow(join(root, folder)));
  const fingerprint = fingerprintOf([
    ...files,
    ...['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((name) => join(root, name)),
  ]);
  const stamp = join(places.dist, '.built');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return false;

  say('build: tsc');
  mkdirSync(places.dist, { recursive: true });
  run(
    node,
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'],
    'tsc found errors; the lines above name them.',
  );
  removeOrphans();
  copyAssets(files);
  if (existsSync(join(places.dist, 'workflows', 'index.js'))) {
    say('build: workflow bundle');
    run(node, ['scripts/bundle-workflows.mjs'], 'the workflows do not bundle; the lines above tell why.');
  }
  writeFileSync(stamp, fingerprint);
  say('build: done');
  return true;
}

function run(node, args, failure) {
  const { status } = spawnSync(node, args, { cwd: root, stdio: ['ignore', process.stderr, process.stderr] });
  if (status !== 0) throw new SetupError(failure, ['mend them and run: npm run build']);
}

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return entry.name === 'node_modules' || entry.name === '.cache' ? [] : filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

function fingerprintOf(files) {
  const hash = createHash('sha256');
  for (const file of files.sort()) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${relative(root, file)}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** A source that was removed must not live on as its compiled self. */
function removeOrphans() {
  for (const folder of sources) {
    for (const file of filesBelow(join(places.dist, folder))) {
      const source = relative(places.dist, file).replace(/\.js(\.map)?$/, '.ts');
      if (!existsSync(join(root, source))) rmSync(file);
    }
  }
}

function copyAssets(files) {
  for (const file of files) {
    const path = relative(root, file);
    if (notAssets.test(path)) continue;
    const target = join(places.dist, path);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
}
