import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import pg from 'pg';
import { SlipwayError, failure } from '../domain/failures.js';
import { isUnreachable } from './outage.js';
import type { Tables } from './schema.js';

/** Every function of the register takes one of these first: a handle, or a transaction that it then joins. */
export type Db = Kysely<Tables>;
export type Trx = Transaction<Tables>;

export interface Register {
  db: Db;
  close(): Promise<void>;
}

export interface RegisterOptions {
  /** Connections at once; 10 unless told. */
  connections?: number;
  /** Shown in `pg_stat_activity`, e.g. `slipway-api`. */
  applicationName?: string;
  /** After this long without an answer the register counts as down; 10 s unless told. */
  patienceMs?: number;
}

/** Opens the register; connects lazily, so it succeeds while the database is still down. */
export function openRegister(url: string, options: RegisterOptions = {}): Register {
  const patience = options.patienceMs ?? 10_000;
  const pool = new pg.Pool({
    connectionString: url,
    max: options.connections ?? 10,
    application_name: options.applicationName ?? 'slipway',
    connectionTimeoutMillis: patience,
    query_timeout: patience,
    statement_timeout: patience,
    idle_in_transaction_session_timeout: patience,
    keepAlive: true,
    allowExitOnIdle: true,
    types: { getTypeParser: parserOf },
  });
  // A connection that breaks, idle or in use, is replaced at the next use; without a listener it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return { db, close: () => db.destroy() };
}

/**
 * Runs `fn` in one transaction (joins the one it is given) and turns every loss of the database into
 * `SlipwayError('register-down')`. Whether a commit whose reply was lost took place is unknown:
 * everything that writes is idempotent, so the caller simply does it again.
 */
export async function inRegister<T>(db: Db, fn: (trx: Trx) => Promise<T>): Promise<T> {
  if (db.isTransaction) return fn(db as Trx);
  return reaching(() => db.transaction().execute(fn));
}

/** Like `inRegister` for several reads that must show one moment. */
export async function inSnapshot<T>(db: Db, read: (trx: Trx) => Promise<T>): Promise<T> {
  if (db.isTransaction) return read(db as Trx);
  const transaction = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
  return reaching(() => transaction.execute(read));
}

/** Like `inRegister` for a single statement that needs no transaction of its own. */
export async function fromRegister<T>(db: Db, fn: (db: Db) => Promise<T>): Promise<T> {
  if (db.isTransaction) return fn(db);
  return reaching(() => fn(db));
}

async function reaching<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    const cause = error instanceof Error ? error.message || error.name : String(error);
    throw new SlipwayError(failure('register-down', { cause }), { cause: error });
  }
}

const parsers = new Map<number, (value: string) => unknown>([
  [pg.types.builtins.TIMESTAMPTZ, (value) => new Date(value).toISOString()],
  [pg.types.builtins.INT8, Number],
]);

/** Rows are plain data: times as RFC 3339 text in UTC, 64-bit integers as numbers (all of ours are below 2^53). */
function parserOf(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  return parsers.get(oid) ?? (pg.types.getTypeParser(oid, format) as (value: string) => unknown);
}
