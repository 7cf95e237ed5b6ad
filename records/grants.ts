import { sql } from 'kysely';
import { type Db, inRegister } from './database.js';
import { appendOnly } from './migrations/0002-audit.js';
import type { Tables } from './schema.js';

type TableName = keyof Tables;

/** Tables from which the app takes rows away again; everywhere else a row stays. */
const deletable: TableName[] = ['waiting_line', 'host_shares', 'quarantines', 'origins', 'site_holds'];
const changing: TableName[] = [
  'changes',
  'step_attempts',
  'claims',
  'evidence',
  'hosts',
  'devices',
  'vms',
  'outbox',
  'audit_heads',
  'checkpoint_heads',
];

/** Makes the app's role if it is missing and gives it exactly what the app does. Repeatable, safe beside itself. */
export async function grantApp(db: Db, appRole: string): Promise<void> {
  await inRegister(db, async (trx) => {
    const role = sql.id(appRole);
    await sql`select pg_advisory_xact_lock(hashtextextended('slipway grants', 0))`.execute(trx);
    await makeRole(trx, appRole);
    await sql`grant usage on schema public to ${role}`.execute(trx);
    await sql`revoke all on ${tables([...appendOnly, ...changing, ...deletable])} from ${role}`.execute(trx);
    await sql`grant select, insert on ${tables(appendOnly)} to ${role}`.execute(trx);
    await sql`grant select, insert, update on ${tables(changing)} to ${role}`.execute(trx);
    await sql`grant select, insert, update, delete on ${tables(deletable)} to ${role}`.execute(trx);
    await sql`grant usage, select on all sequences in schema public to ${role}`.execute(trx);
    // A register that was restored from a backup must be able to catch up with the hosts' guards.
    await sql`grant execute on function advance_claim_epoch(bigint) to ${role}`.execute(trx);
  });
}

async function makeRole(db: Db, appRole: string): Promise<void> {
  const { rows } = await sql`select from pg_roles where rolname = ${appRole}`.execute(db);
  if (rows.length > 0) return;
  // Roles belong to the whole server: another database's migration may make it in the same moment.
  await sql`
    do ${sql.lit(`begin create role ${quoted(appRole)} nologin; exception when duplicate_object or unique_violation then null; end`)}
  `.execute(db);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function tables(names: readonly TableName[]): ReturnType<typeof sql.join> {
  return sql.join(names.map((name) => sql.table(name)));
}
