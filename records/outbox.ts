import { sql } from 'kysely';
import { type Db, fromRegister } from './database.js';

/** One thing to be told to the outside; `changeId` and `key` together are the idempotency key of its delivery. */
export interface OutboxRow {
  id: number;
  changeId: string;
  key: string;
  kind: string;
  at: string;
  actor: string;
  data: Record<string, unknown>;
  /** How often it was handed out, this time included. */
  attempts: number;
}

/** Hands out undelivered rows, oldest first; nobody else gets them until `leaseSeconds` (60) are over. */
export async function nextOutbox(
  db: Db,
  options: { limit: number; leaseSeconds?: number },
): Promise<OutboxRow[]> {
  const { rows } = await fromRegister(db, (handle) =>
    sql<OutboxRow>`
      with due as (
        select id from outbox
        where delivered_at is null and (leased_until is null or leased_until <= clock_timestamp())
        order by id limit ${options.limit} for update skip locked),
      handed as (
        update outbox
        set attempts = attempts + 1, leased_until = clock_timestamp() + make_interval(secs => ${options.leaseSeconds ?? 60})
        where id in (select id from due)
        returning id, change_id as "changeId", key, kind, at, actor, data, attempts)
      select * from handed order by id`.execute(handle),
  );
  return rows;
}

/** Delivered again: the first time stays. */
export async function markDelivered(db: Db, ids: number[]): Promise<void> {
  await fromRegister(db, (handle) =>
    sql`update outbox set delivered_at = clock_timestamp() where id = any(${ids}::bigint[]) and delivered_at is null`.execute(
      handle,
    ),
  );
}
