import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import type { ChildPlan } from './child.js';
import { StackError } from './failure.js';
import { readJsonFile, writeWhole } from './places.js';
import { loopback } from './ports.js';
import { type PostgresPlace, placePostgres } from './postgres-place.js';

/** The register's database and its two login roles; the superuser only makes them. */
const database = 'slipway';
const roles = { superuser: 'postgres', migrator: 'slipway_migrator', app: 'slipway_app' } as const;
type Role = keyof typeof roles;
type Passwords = Readonly<Record<Role, string>>;

/** A Postgres of our own: how to run it, and the addresses it has once it runs. */
export interface EmbeddedPostgres {
  readonly plan: ChildPlan;
  readonly dataFolder: string;
  /** What the product's processes use: it may neither change the schema nor the audit's past. */
  readonly appUrl: string;
  /** Owns the database and its schema. */
  readonly migratorUrl: string;
  readonly superuserUrl: string;
  /** Makes the roles and the database; does nothing when they are there. */
  readonly prepare: () => Promise<void>;
}

/**
 * Initialises the data folder on first use and says how to run the server on it. It listens on loopback TCP only:
 * a socket's path below a deep home would be longer than the 108 characters a socket may have.
 * @throws StackError when this machine has no binaries, or the data's passwords are lost
 */
export function embeddedPostgres(options: {
  home: string;
  port: number;
  binaries: string | null;
}): EmbeddedPostgres {
  const { home, port } = options;
  if (options.binaries === null) {
    throw new StackError(`no package brings Postgres for ${process.platform}-${process.arch}`, [
      'set DATABASE_URL (and DATABASE_MIGRATOR_URL) to a Postgres 15 or newer of your own',
    ]);
  }
  mkdirSync(home, { recursive: true });
  const place = placePostgres(options.binaries, home);
  const passwords = initialised(place, join(home, 'keys', 'postgres.json'));
  const url = (role: Role, name = database): string =>
    `postgres://${roles[role]}:${passwords[role]}@${loopback}:${port}/${name}`;
  const superuserUrl = url('superuser', 'postgres');
  const answers = (): Promise<boolean> => answersQueries(superuserUrl);
  return {
    appUrl: url('app'),
    migratorUrl: url('migrator'),
    superuserUrl,
    dataFolder: place.data,
    prepare: () => prepareRoles(superuserUrl, passwords),
    plan: {
      name: 'postgres',
      file: join(place.binaries, 'bin', 'postgres'),
      args: ['-D', place.data, ...settings({ port: String(port) })],
      env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
      cwd: '/',
      ...(place.runAs && { runAs: place.runAs }),
      log: join(home, 'logs', 'postgres.log'),
      isReady: answers,
      isWell: answers,
      readyWithinMs: 60_000, // after a crash it replays its log first
      stopSignal: 'SIGINT', // "fast": ends sessions and writes a checkpoint; SIGTERM would wait for the clients
      stopWithinMs: 3_000,
    },
  };
}

function settings(changes: Record<string, string>): string[] {
  const all = { listen_addresses: loopback, unix_socket_directories: '', max_connections: '200', ...changes };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function initialised(place: PostgresPlace, passwordFile: string): Passwords {
  const isThere = existsSync(join(place.data, 'PG_VERSION'));
  const known = readJsonFile(passwordFile) as Passwords | undefined;
  if (isThere && known !== undefined) return known;
  if (isThere) {
    throw new StackError(`the passwords of the data in ${place.data} are lost: ${passwordFile} is missing`, [
      `restore ${passwordFile}`,
      `or, to begin anew with an empty register: remove ${place.data}`,
    ]);
  }
  const passwords: Passwords = { superuser: password(), migrator: password(), app: password() };
  rmSync(place.data, { recursive: true, force: true });
  mkdirSync(place.data, { recursive: true, mode: 0o700 });
  if (place.runAs) chownSync(place.data, place.runAs.uid, place.runAs.gid);
  initDatabase(place, passwords.superuser);
  writeWhole(passwordFile, JSON.stringify(passwords));
  return passwords;
}

function password(): string {
  return randomBytes(24).toString('base64url');
}

function initDatabase(place: PostgresPlace, superuserPassword: string): void {
  // initdb takes its password from a file only; the file lies where its user can read it, for a second.
  const passwordFile = join(dirname(place.data), `initdb-${password()}`);
  try {
    writeFileSync(passwordFile, superuserPassword, { mode: 0o600 });
    if (place.runAs) chownSync(passwordFile, place.runAs.uid, place.runAs.gid);
    const { status, stderr, error } = spawnSync(
      join(place.binaries, 'bin', 'initdb'),
      [
        ...['--pgdata', place.data, '--username', roles.superuser, '--pwfile', passwordFile],
        ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C'],
      ],
      { encoding: 'utf8', cwd: '/', env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' }, ...place.runAs },
    );
    if (status !== 0) {
      rmSync(place.data, { recursive: true, force: true });
      throw new StackError(
        `Postgres could not initialise ${place.data}: ${error?.message ?? stderr.trim()}`,
        ['look at the free space and the permissions there', 'or set DATABASE_URL to a Postgres of your own'],
      );
    }
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function prepareRoles(superuserUrl: string, passwords: Passwords): Promise<void> {
  await withClient(superuserUrl, async (client) => {
    for (const role of ['migrator', 'app'] as const) {
      const { rowCount } = await client.query('select from pg_roles where rolname = $1', [roles[role]]);
      if (rowCount === 0) {
        await client.query(
          `create role ${roles[role]} login password ${client.escapeLiteral(passwords[role])}`,
        );
      }
    }
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database ${database} owner ${roles.migrator}`);
  });
}

/** Whether a server answers there; a wrong password is no answer. */
export async function answersQueries(url: string): Promise<boolean> {
  try {
    await withClient(url, (client) => client.query('select 1'));
    return true;
  } catch {
    return false;
  }
}

async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined); // a connection that breaks later must not end the supervisor
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
