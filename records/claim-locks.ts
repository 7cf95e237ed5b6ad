import { type Selectable, sql } from 'kysely';
import type { Trx } from './database.js';
import type { Tables } from './schema.js';

/** The key whose row is the lock of a host's shares. */
export function hostKey(host: string): string {
  return `host/${host}`;
}

/**
 * Locks the rows of these keys until the commit, making those that are missing; and those a change holds already. Rows are made first and then locked,
 * each in the order of the keys: so no two transactions can wait for one another.
 */
export async function lockKeys(
  trx: Trx,
  keys: readonly string[],
  alsoHeldBy: string | null = null,
): Promise<Selectable<Tables['claims']>[]> {
  const sorted = [...new Set(keys)].sort();
  await sql`
    insert into claims (key, epoch) select key, 0 from unnest(${sorted}::text[]) with ordinality as wanted (key, place)
    order by place on conflict (key) do nothing`.execute(trx);
  return trx
    .selectFrom('claims')
    .selectAll()
    .where((row) =>
      row.or([row('key', '=', sql<string>`any(${sorted}::text[])`), row('change_id', '=', alsoHeldBy)]),
    )
    .orderBy('key')
    .forUpdate()
    .execute();
}

/** Locks everything the change holds, its share of a host included; returns the keys. */
export async function lockHeld(trx: Trx, changeId: string): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`
    select key from claims
    where change_id = ${changeId}
       or key in (select 'host/' || host from host_shares where change_id = ${changeId})
    order by key for update`.execute(trx);
  return rows.map((row) => row.key);
}
