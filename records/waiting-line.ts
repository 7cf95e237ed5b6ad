import { sql } from 'kysely';
import { lockKeys, hostKey } from './claim-locks.js';
import type { ClaimWish } from './claims.js';
import { type Db, inRegister, type Trx } from './database.js';

/** What stands in the way of a wish. `line`: an older change that waits and could be granted now. */
export interface Obstacle {
  kind: 'held' | 'quarantine' | 'share' | 'line';
  key: string;
  changeId: string;
  why: string | null;
}

/**
 * For how long a change that asked, or was woken, goes before younger ones. Longer would let one whose workflow
 * is gone block the line; shorter would let a younger one overtake while it is being woken.
 */
const precedence = sql`clock_timestamp() + interval '10 minutes'`;

/** Quarantines, shares of the host, and older changes in line. What is held is in the rows the caller has locked. */
export async function obstacles(trx: Trx, { changeId, keys, hostShare }: ClaimWish): Promise<Obstacle[]> {
  const host = hostShare?.host ?? null;
  const exclusive = hostShare?.exclusive ?? false;
  const { rows } = await sql<Obstacle>`
    select 'quarantine' as kind, key, change_id as "changeId", why from quarantines
    where key = any(${keys}::text[]) and change_id <> ${changeId}
    union all
    select 'share', 'host/' || host, change_id, null from host_shares
    where host = ${host}::text and change_id <> ${changeId} and (exclusive or ${exclusive}::boolean)
    union all
    select 'line', coalesce((select min(key) from unnest(older.keys) as key where key = any(${keys}::text[])), 'host/' || older.host),
      older.change_id, null
    from waiting_line as older
    where older.change_id <> ${changeId} and older.first_until > clock_timestamp()
      and not exists (select from waiting_line as own where own.change_id = ${changeId} and own.ticket < older.ticket)
      and (older.keys && ${keys}::text[] or (older.host = ${host}::text and (older.exclusive or ${exclusive}::boolean)))
      and not exists (select from claims where key = any(older.keys) and change_id <> older.change_id)
      and not exists (select from quarantines where key = any(older.keys) and change_id <> older.change_id)
      and not exists (
        select from host_shares as others
        where others.host = older.host and others.change_id <> older.change_id and (others.exclusive or older.exclusive))
    order by key`.execute(trx);
  return rows;
}

/** Takes a place at the end of the line, or keeps the one it has. */
export async function joinLine(trx: Trx, { changeId, keys, hostShare }: ClaimWish): Promise<void> {
  await sql`
    insert into waiting_line (change_id, keys, host, exclusive, first_until)
    values (${changeId}, ${keys}::text[], ${hostShare?.host ?? null}, ${hostShare?.exclusive ?? false}, ${precedence})
    on conflict (change_id) do update
    set keys = excluded.keys, host = excluded.host, exclusive = excluded.exclusive, first_until = excluded.first_until`.execute(
    trx,
  );
}

/** The changes in line for any of these keys, oldest first; their precedence begins anew. */
export async function wakeFor(trx: Trx, keys: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ change_id: string }>`
    with waiting as (
      select ticket from waiting_line
      where keys && ${keys}::text[] or 'host/' || host = any(${keys}::text[])
      order by ticket for update),
    woken as (
      update waiting_line set first_until = ${precedence}
      where ticket in (select ticket from waiting) returning change_id, ticket)
    select change_id from woken order by ticket`.execute(trx);
  return rows.map((row) => row.change_id);
}

/** Takes the change out of the line; returns those it may have kept waiting, oldest first. */
export async function leaveLine(db: Db, changeId: string): Promise<string[]> {
  return inRegister(db, async (trx) => {
    const place = await trx
      .selectFrom('waiting_line')
      .selectAll()
      .where('change_id', '=', changeId)
      .executeTakeFirst();
    if (!place) return [];
    const keys = place.host === null ? place.keys : [...place.keys, hostKey(place.host)];
    // Whoever is being refused because of us holds these locks until it stands in line itself.
    await lockKeys(trx, keys);
    await trx.deleteFrom('waiting_line').where('change_id', '=', changeId).execute();
    return wakeFor(trx, keys);
  });
}
