import { type KeyObject, sign } from 'node:crypto';
import { sql } from 'kysely';
import {
  type AuditExport,
  type ChainHead,
  type Checkpoint,
  genesis,
  type SignedCheckpoint,
} from '../domain/audit.js';
import { canonicalJson } from '../domain/canonical.js';
import { asChained } from './audit.js';
import { type Db, inRegister, inSnapshot, type Trx } from './database.js';
import { document, sha256, utc } from './documents.js';

/**
 * Signs (Ed25519) the heads of all chains that grew since the last checkpoint, chained to it by digest.
 * Null if nothing grew. Meant to be stored elsewhere too: only that protects the tail.
 */
export async function writeCheckpoint(
  db: Db,
  privateKey: KeyObject,
  at: string,
): Promise<SignedCheckpoint | null> {
  return inRegister(db, async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('slipway checkpoint', 0))`.execute(trx);
    const heads = await grownHeads(trx);
    if (heads.length === 0) return null;
    const last = await trx
      .selectFrom('checkpoints')
      .select(['number', 'digest'])
      .orderBy('number', 'desc')
      .limit(1)
      .executeTakeFirst();
    const checkpoint: Checkpoint = {
      version: 1,
      number: (last?.number ?? 0) + 1,
      at: utc(at),
      previous: last?.digest ?? genesis,
      heads,
    };
    const text = canonicalJson(checkpoint);
    const signature = sign(null, Buffer.from(text), privateKey).toString('base64url');
    const signed = { checkpoint, digest: sha256(text), signature };
    await keep(trx, signed);
    return signed;
  });
}

async function grownHeads(trx: Trx): Promise<ChainHead[]> {
  const { rows } = await sql<ChainHead>`
    select heads.change_id as "changeId", heads.sequence, heads.hash from audit_heads as heads
    left join checkpoint_heads as signed on signed.change_id = heads.change_id
    where heads.sequence > coalesce(signed.sequence, 0)
    order by heads.change_id collate "C"`.execute(trx);
  return rows;
}

async function keep(trx: Trx, { checkpoint, digest, signature }: SignedCheckpoint): Promise<void> {
  const { number, at, heads } = checkpoint;
  await trx
    .insertInto('checkpoints')
    .values({ number, at, digest, checkpoint: document(checkpoint), signature })
    .execute();
  await sql`
    insert into checkpoint_heads (change_id, sequence)
    select * from unnest(${heads.map((head) => head.changeId)}::text[], ${heads.map((head) => head.sequence)}::bigint[])
    on conflict (change_id) do update set sequence = excluded.sequence`.execute(trx);
}

/** Everything `verifyExport` of the domain needs to judge one change's chain, or all of them. */
export async function exportAudit(db: Db, changeId?: string): Promise<AuditExport> {
  return inSnapshot(db, async (trx) => {
    const one = changeId !== undefined;
    const events = await trx
      .selectFrom('audit_events')
      .selectAll()
      .$if(one, (rows) => rows.where('change_id', '=', changeId!))
      .orderBy('change_id')
      .orderBy('sequence')
      .execute();
    const heads = await trx
      .selectFrom('audit_heads')
      .select(['change_id as changeId', 'sequence', 'hash'])
      .where('sequence', '>', 0)
      .$if(one, (rows) => rows.where('change_id', '=', changeId!))
      .orderBy('change_id')
      .execute();
    const { rows: checkpoints } = await sql<SignedCheckpoint>`
      select checkpoint, digest, signature from checkpoints
      where ${changeId ?? null}::text is null or exists (
        select from json_array_elements(checkpoint -> 'heads') as head where head ->> 'changeId' = ${changeId ?? null})
      order by number`.execute(trx);
    return { version: 1, ...(one && { changeId }), events: events.map(asChained), heads, checkpoints };
  });
}
