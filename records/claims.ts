import { sql } from 'kysely';
import { ChangeState } from '../domain/change.js';
import { failure, SlipwayError } from '../domain/failures.js';
import { appendAudit, slipwayActor } from './audit.js';
import { hostKey, lockHeld, lockKeys } from './claim-locks.js';
import { type Db, fromRegister, inRegister, type Trx } from './database.js';
import { joinLine, type Obstacle, obstacles, wakeFor } from './waiting-line.js';

export interface ClaimWish {
  changeId: string;
  /** As `claimKeys` of the domain makes them. */
  keys: string[];
  /** A share of the host: many may share it, an exclusive one (for a reboot) stands alone. */
  hostShare?: { host: string; exclusive: boolean };
}

export type ClaimAnswer =
  | { granted: true; epoch: number }
  | {
      granted: false;
      /** Who has it or stands before us in the line; the host's share appears as `host/…`. */
      heldBy: { key: string; changeId: string }[];
      /** Keys in quarantine by another change: they put nobody in line, an operator must release them first. */
      quarantined: { key: string; changeId: string; why: string }[];
    };

export { leaveLine } from './waiting-line.js';

export interface ClaimRecord {
  key: string;
  changeId: string;
  epoch: number;
  claimedAt: string;
}

/**
 * All or nothing. Granted: the epoch that covers all keys; the same change asking again gets the same epoch.
 * Refused: the change now stands in the waiting line, in which an older one that could be granted goes first.
 * Throws `stale-epoch` for a change that is closed. Audit event `claim.granted`.
 */
export async function claim(db: Db, wish: ClaimWish): Promise<ClaimAnswer> {
  return inRegister(db, async (trx) => {
    const { changeId, keys, hostShare } = wish;
    await mustBeOpen(trx, changeId);
    const wanted = new Set(hostShare ? [...keys, hostKey(hostShare.host)] : keys);
    const rows = await lockKeys(trx, [...wanted], changeId);
    const held = await heldEpoch(trx, wish, rows);
    if (held !== null) return { granted: true, epoch: held };

    const taken = rows.flatMap(({ key, change_id: holder }): Obstacle[] =>
      holder === null || holder === changeId ? [] : [{ kind: 'held', key, changeId: holder, why: null }],
    );
    const inTheWay = [...taken, ...(await obstacles(trx, wish))];
    if (inTheWay.length === 0) return { granted: true, epoch: await grant(trx, wish) };

    const quarantined = inTheWay.flatMap(({ kind, key, changeId: by, why }) =>
      kind === 'quarantine' ? [{ key, changeId: by, why: why ?? '' }] : [],
    );
    const heldBy = inTheWay.flatMap(({ kind, key, changeId: by }) =>
      kind === 'quarantine' ? [] : [{ key, changeId: by }],
    );
    if (quarantined.length === 0) await joinLine(trx, wish);
    return { granted: false, heldBy, quarantined };
  });
}

/**
 * A worker that was paused may come here when its change has long ended: it must not claim for the dead. The row stays
 * locked until the commit: a change that is about to close does so before this claim or after it, and then frees it.
 */
async function mustBeOpen(trx: Trx, changeId: string): Promise<void> {
  const change = await trx
    .selectFrom('changes')
    .select('state')
    .where('id', '=', changeId)
    .forShare()
    .executeTakeFirst();
  if (change?.state !== ChangeState.closed) return;
  const parts = { expected: `change ${changeId} to be open`, actual: 'it is closed' };
  throw new SlipwayError(failure('stale-epoch', parts));
}

/** The epoch of a claim that already covers the whole wish; null if any part of it is missing. */
async function heldEpoch(
  trx: Trx,
  { changeId, keys, hostShare }: ClaimWish,
  rows: readonly { key: string; change_id: string | null; epoch: number }[],
): Promise<number | null> {
  const own = rows.filter((row) => row.change_id === changeId);
  if (own.length === 0 || keys.some((key) => !own.some((row) => row.key === key))) return null;
  const epoch = own[0]!.epoch;
  if (!hostShare) return epoch;
  const share = await trx
    .selectFrom('host_shares')
    .select('exclusive')
    .where('host', '=', hostShare.host)
    .where('change_id', '=', changeId)
    .executeTakeFirst();
  return share && (share.exclusive || !hostShare.exclusive) ? epoch : null;
}

/** One new epoch for what is wished and for all the change holds already. The caller has locked the rows of both. */
async function grant(trx: Trx, { changeId, keys, hostShare }: ClaimWish): Promise<number> {
  const { rows } = await sql<{ epoch: number }>`
    with next as (select nextval('claim_epoch') as epoch),
    taken as (
      update claims set change_id = ${changeId}, epoch = next.epoch,
        claimed_at = case when change_id = ${changeId} then claimed_at else now() end
      from next where key = any(${keys}::text[]) or change_id = ${changeId}),
    kept as (
      update host_shares set epoch = next.epoch from next
      where change_id = ${changeId} and host is distinct from ${hostShare?.host ?? null}),
    shared as (
      insert into host_shares (host, change_id, exclusive, epoch)
      select ${hostShare?.host ?? null}, ${changeId}, ${hostShare?.exclusive ?? false}::boolean, epoch
      from next where ${hostShare !== undefined}::boolean
      on conflict (host, change_id) do update set exclusive = excluded.exclusive, epoch = excluded.epoch),
    left_line as (delete from waiting_line where change_id = ${changeId})
    select epoch from next`.execute(trx);
  const { epoch } = rows[0]!;
  await note(trx, changeId, 'claim.granted', epoch, { keys, ...(hostShare && { hostShare }) });
  return epoch;
}

/** Gives all claims of the change a new epoch: whoever acts with the old one is refused. Throws `stale-epoch` if it holds none. */
export async function raiseEpoch(db: Db, changeId: string): Promise<number> {
  return inRegister(db, async (trx) => {
    const held = await lockHeld(trx, changeId);
    if (held.length === 0) {
      const parts = { expected: `claims of change ${changeId}`, actual: 'none' };
      throw new SlipwayError(failure('stale-epoch', parts));
    }
    const { rows } = await sql<{ epoch: number }>`
      with next as (select nextval('claim_epoch') as epoch),
      raised as (update claims set epoch = next.epoch from next where change_id = ${changeId}),
      shares as (update host_shares set epoch = next.epoch from next where change_id = ${changeId})
      select epoch from next`.execute(trx);
    const { epoch } = rows[0]!;
    await note(trx, changeId, 'claim.raised', epoch, {});
    return epoch;
  });
}

/**
 * Raises the epoch and frees everything the change holds. `wake`: the changes in line for any of it, oldest first.
 * Repeating it frees nothing more and returns who still waits; `epoch` is then null. Quarantines stay.
 */
export async function releaseClaims(
  db: Db,
  changeId: string,
): Promise<{ epoch: number | null; wake: string[] }> {
  return inRegister(db, async (trx) => {
    const held = await lockHeld(trx, changeId);
    const epoch = held.length === 0 ? null : await free(trx, changeId, held);
    const wake = await wakeFor(trx, epoch === null ? await lastHeld(trx, changeId) : held);
    if (epoch !== null) await note(trx, changeId, 'claim.released', epoch, { keys: held });
    return { epoch, wake };
  });
}

async function free(trx: Trx, changeId: string, held: readonly string[]): Promise<number> {
  const { rows } = await sql<{ epoch: number }>`
    with next as (select nextval('claim_epoch') as epoch),
    freed as (
      update claims set change_id = null, last_change_id = ${changeId}, claimed_at = null, epoch = next.epoch
      from next where key = any(${held}::text[])),
    shares as (delete from host_shares where change_id = ${changeId})
    select epoch from next`.execute(trx);
  return rows[0]!.epoch;
}

/** Keys which this change was the last to hold, and which nobody has taken since. */
async function lastHeld(trx: Trx, changeId: string): Promise<string[]> {
  const rows = await trx
    .selectFrom('claims')
    .select('key')
    .where('last_change_id', '=', changeId)
    .where('change_id', 'is', null)
    .execute();
  return rows.map((row) => row.key);
}

async function note(trx: Trx, changeId: string, kind: string, epoch: number, data: object): Promise<void> {
  const at = new Date().toISOString();
  await appendAudit(trx, {
    changeId,
    key: `${kind}/${epoch}`,
    at,
    actor: slipwayActor,
    kind,
    data: { epoch, ...data },
  });
}

/** Everything that is held now, or only what one change holds; shares of hosts appear as `host/…`. */
export async function listClaims(db: Db, changeId?: string): Promise<ClaimRecord[]> {
  const rows = await fromRegister(db, (handle) =>
    sql<ClaimRecord>`
      select key, change_id as "changeId", epoch, claimed_at as "claimedAt" from claims where change_id is not null
      union all
      select 'host/' || host, change_id, epoch, claimed_at from host_shares
      order by key, "changeId"`.execute(handle),
  );
  return rows.rows.filter((row) => changeId === undefined || row.changeId === changeId);
}

/** The newest epoch given out, 0 before the first; no guard may ever know a higher one. */
export async function newestEpoch(db: Db): Promise<number> {
  const { rows } = await fromRegister(db, (handle) =>
    sql<{
      epoch: number;
    }>`select case when is_called then last_value else 0 end as epoch from claim_epoch`.execute(handle),
  );
  return rows[0]!.epoch;
}

/** Makes every further epoch newer than `above`. For a register that a host's guard has found to be behind. */
export async function advanceEpoch(db: Db, above: number): Promise<void> {
  await fromRegister(db, (handle) => sql`select advance_claim_epoch(${above})`.execute(handle));
}

/** Changes that hold claims, with the host they are about and the state the register last heard of. */
export async function claimingChanges(
  db: Db,
): Promise<{ changeId: string; host: string; state: ChangeState; keys: string[] }[]> {
  const { rows } = await fromRegister(db, (handle) =>
    sql<{ changeId: string; host: string; state: ChangeState; keys: string[] }>`
      select changes.id as "changeId", changes.host, changes.state, array_agg(claims.key order by claims.key) as keys
      from claims join changes on changes.id = claims.change_id
      group by changes.id, changes.host, changes.state order by changes.id`.execute(handle),
  );
  return rows;
}
