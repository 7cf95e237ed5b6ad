import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Identity } from '../domain/change.js';
import { actorOf, appendAudit, slipwayActor } from './audit.js';
import { lockKeys } from './claim-locks.js';
import { type Db, inRegister, type Trx } from './database.js';
import { wakeFor } from './waiting-line.js';

/**
 * Nobody but this change may claim these keys until a person says so. Audit event `quarantine.set` on the change.
 * A key that is in quarantine already stays as it is.
 */
export async function quarantineDevices(
  db: Db,
  changeId: string,
  keys: string[],
  why: string,
): Promise<void> {
  if (keys.length === 0) return;
  await inRegister(db, async (trx) => {
    await lockKeys(trx, keys);
    await set(trx, changeId, keys, why);
  });
}

/**
 * The same for those of these keys that the change still claims: who looked a moment ago may find it released
 * meanwhile. Returns the keys it claims.
 */
export async function quarantineClaimed(
  db: Db,
  changeId: string,
  keys: string[],
  why: string,
): Promise<string[]> {
  if (keys.length === 0) return [];
  return inRegister(db, async (trx) => {
    const rows = await lockKeys(trx, keys);
    const claimed = rows.filter((row) => row.change_id === changeId).map(({ key }) => key);
    if (claimed.length > 0) await set(trx, changeId, claimed, why);
    return claimed;
  });
}

async function set(trx: Trx, changeId: string, keys: string[], why: string): Promise<void> {
  const rows = await trx
    .insertInto('quarantines')
    .values([...new Set(keys)].map((key) => ({ key, change_id: changeId, why })))
    .onConflict((conflict) => conflict.column('key').doNothing())
    .returning('key')
    .execute();
  if (rows.length === 0) return;
  const fresh = rows.map((row) => row.key);
  await note(trx, changeId, 'quarantine.set', slipwayActor, fresh, why);
}

/**
 * Lifts the quarantine of these keys; `by` is the operator, or null when the change itself proved the device whole again.
 * Audit event `quarantine.released` on the change that had set it. Returns who waits in line for them, oldest first.
 */
export async function releaseQuarantine(
  db: Db,
  keys: string[],
  by: Identity | null,
  reason: string,
): Promise<string[]> {
  if (keys.length === 0) return [];
  return inRegister(db, async (trx) => {
    await lockKeys(trx, keys);
    const released = await trx
      .deleteFrom('quarantines')
      .where('key', '=', sql<string>`any(${keys}::text[])`)
      .returning(['key', 'change_id'])
      .execute();
    const wake = await wakeFor(trx, keys);
    const actor = by ? actorOf(by) : slipwayActor;
    // One chain after the other, in one order for everybody: a chain's lock is held until the commit.
    for (const changeId of [...new Set(released.map((row) => row.change_id))].sort()) {
      const own = released.filter((row) => row.change_id === changeId).map((row) => row.key);
      await note(trx, changeId, 'quarantine.released', actor, own, reason);
    }
    return wake;
  });
}

async function note(
  trx: Trx,
  changeId: string,
  kind: string,
  actor: string,
  keys: string[],
  why: string,
): Promise<void> {
  // Only rows that were really changed are noted, so the key need not be the same on a repetition.
  const event = { changeId, key: `${kind}/${randomUUID()}`, at: new Date().toISOString(), actor, kind };
  await appendAudit(trx, { ...event, data: { keys: keys.sort(), why } });
}
