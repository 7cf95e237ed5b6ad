import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { StackError } from './failure.js';
import { readJsonFile, writeWhole } from './places.js';

/**
 * Where Postgres' binaries and data lie and as whom it runs. Postgres refuses to run as root; as root we run it as
 * a user of its own, who cannot enter a 0700 home. So what that user cannot reach is kept in a directory it can:
 * binaries are copied there once, data is made there, one folder for each home.
 */
export interface PostgresPlace {
  readonly binaries: string;
  readonly data: string;
  readonly runAs: { readonly uid: number; readonly gid: number } | undefined;
}

/** @throws StackError when root has no user to run Postgres as, or no directory that user can reach */
export function placePostgres(binaries: string, home: string): PostgresPlace {
  if (process.getuid?.() !== 0) return { binaries, data: join(home, 'postgres'), runAs: undefined };
  const runAs = postgresUser();
  const data = rememberedFolder(home, () =>
    join(isReachable(home, runAs) ? home : join(reachableFolder(runAs), freshName()), 'postgres'),
  );
  mkdirSync(dirname(data), { recursive: true, mode: 0o711 });
  mkdirSync(data, { recursive: true, mode: 0o700 });
  chownSync(data, runAs.uid, runAs.gid);
  return { binaries: reachableBinaries(binaries, runAs), data, runAs };
}

/** Decided once: a home whose permissions change later must not begin a second, empty register elsewhere. */
function rememberedFolder(home: string, decide: () => string): string {
  const note = join(home, 'postgres-folder.json');
  const known = readJsonFile(note) as { data: string } | undefined;
  if (known !== undefined) return known.data;
  if (existsSync(join(home, 'keys', 'postgres.json'))) {
    throw new StackError(`nobody knows where the register of ${home} lies: ${note} is missing`, [
      `restore ${note}`,
      `or, to begin anew with an empty register: remove ${join(home, 'keys', 'postgres.json')}`,
    ]);
  }
  const data = decide();
  writeWhole(note, JSON.stringify({ data }));
  return data;
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The machine's `postgres`, else a system user of ours, made on first need. */
function postgresUser(): User {
  const known = userNamed('postgres') ?? userNamed('slipway');
  if (known !== undefined) return known;
  spawnSync('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    'slipway',
  ]);
  const made = userNamed('slipway');
  if (made !== undefined) return made;
  throw new StackError('Postgres refuses to run as root, and no user "slipway" could be made to run it', [
    'make one: useradd --system slipway',
    'or run slipway as an ordinary user',
    'or set DATABASE_URL to a Postgres of your own',
  ]);
}

function userNamed(name: string): User | undefined {
  const ask = (option: string): number => {
    const { status, stdout } = spawnSync('id', [option, name], { encoding: 'utf8' });
    return status === 0 ? Number(stdout) : Number.NaN;
  };
  const user = { uid: ask('-u'), gid: ask('-g') };
  return Number.isNaN(user.uid) || Number.isNaN(user.gid) ? undefined : user;
}

/** Whether the user may enter every folder down to this one. */
function isReachable(path: string, user: User): boolean {
  const { mode, uid, gid } = statSync(path);
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  if ((mode & bit) === 0) return false;
  return dirname(path) === path || isReachable(dirname(path), user);
}

function reachableFolder(user: User): string {
  for (const folder of ['/var/lib/slipway', join(tmpdir(), 'slipway-root')]) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      if (statSync(folder).uid === 0 && isReachable(folder, user)) return folder;
    } catch {
      // read-only: the next one
    }
  }
  throw new StackError('no directory that the Postgres user can reach could be made', [
    'make /var/lib/slipway writable for root',
    'or move the checkout to where every user may enter',
    'or set DATABASE_URL to a Postgres of your own',
  ]);
}

function reachableBinaries(binaries: string, user: User): string {
  const server = join(binaries, 'bin', 'postgres');
  if (isReachable(dirname(server), user) && (statSync(server).mode & 0o005) === 0o005) return binaries;
  const { size, mtimeMs } = statSync(server);
  const copy = join(reachableFolder(user), `postgres-${keyOf(`${size} ${mtimeMs}`)}`);
  if (!existsSync(copy)) {
    const draft = `${copy}.${process.pid}.tmp`;
    cpSync(binaries, draft, { recursive: true, verbatimSymlinks: true });
    spawnSync('chmod', ['-R', 'a+rX', draft]);
    chmodSync(draft, 0o755);
    try {
      renameSync(draft, copy);
    } catch {
      rmSync(draft, { recursive: true }); // somebody else's copy came first
    }
  }
  return copy;
}

/** Not made from the home's path: a checkout that was deleted and cloned anew must not find the old one's data. */
function freshName(): string {
  return randomUUID().slice(0, 13);
}

function keyOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
