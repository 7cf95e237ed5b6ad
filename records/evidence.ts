import type { Fact } from '../domain/act.js';
import { appending, slipwayActor } from './audit.js';
import { type Db, fromRegister } from './database.js';
import { digestOf, document, utc } from './documents.js';

export interface EvidenceRecord {
  changeId: string;
  round: number;
  moment: 'before' | 'after';
  facts: Fact[];
  /** sha-256 of the canonical JSON of the facts; the audit event `evidence.stored` holds it too. */
  digest: string;
  at: string;
}

/**
 * Of `before` the first one stays (a retry must not overwrite it with a half-state), of `after` the newest.
 * Returns the digest of what is stored now.
 */
export async function storeEvidence(
  db: Db,
  evidence: Omit<EvidenceRecord, 'digest'>,
): Promise<{ digest: string }> {
  const { changeId, round, moment, facts } = evidence;
  const at = utc(evidence.at);
  const digest = digestOf(facts);
  const data = { round, moment, facts: facts.length, digest };
  const key = `evidence.stored/${round}/${moment}/${at}/${digest}`;
  const event = { changeId, key, at, actor: slipwayActor, kind: 'evidence.stored', data };
  const written = await fromRegister(db, (handle) =>
    handle
      .with('written', (cte) =>
        cte
          .insertInto('evidence')
          .values({ change_id: changeId, round, moment, facts: document(facts), digest, at })
          .onConflict((conflict) =>
            conflict
              .columns(['change_id', 'round', 'moment'])
              .doUpdateSet({ facts: document(facts), digest, at })
              .where('evidence.moment', '=', 'after')
              .where('evidence.at', '<=', at),
          )
          .returning('digest'),
      )
      .selectFrom('written')
      .select(['digest', appending(event).as('appended')])
      .executeTakeFirst(),
  );
  return { digest: written?.digest ?? (await storedDigest(db, evidence)) };
}

async function storedDigest(
  db: Db,
  { changeId, round, moment }: Omit<EvidenceRecord, 'digest'>,
): Promise<string> {
  const row = await fromRegister(db, (handle) =>
    handle
      .selectFrom('evidence')
      .select('digest')
      .where((where) => where.and({ change_id: changeId, round, moment }))
      .executeTakeFirstOrThrow(),
  );
  return row.digest;
}

/** Round by round, `before` first. */
export async function getEvidence(db: Db, changeId: string): Promise<EvidenceRecord[]> {
  const rows = await fromRegister(db, (handle) =>
    handle
      .selectFrom('evidence')
      .selectAll()
      .where('change_id', '=', changeId)
      .orderBy('round')
      .orderBy('moment', 'desc')
      .execute(),
  );
  return rows.map(({ round, moment, facts, digest, at }) => ({ changeId, round, moment, facts, digest, at }));
}

/** The workflow's whole history, since Temporal deletes it; one for each run. Audit event `history.stored`. */
export async function storeHistory(db: Db, changeId: string, sha256: string, json: string): Promise<void> {
  const kind = 'history.stored';
  const at = new Date().toISOString();
  const data = { sha256, characters: json.length };
  const event = { changeId, key: `${kind}/${sha256}`, at, actor: slipwayActor, kind, data };
  await fromRegister(db, (handle) =>
    handle
      .with('written', (cte) =>
        cte
          .insertInto('histories')
          .values({ change_id: changeId, sha256, json })
          .onConflict((conflict) => conflict.columns(['change_id', 'sha256']).doNothing())
          .returning('sha256'),
      )
      .selectFrom('written')
      .select(appending(event).as('appended'))
      .execute(),
  );
}

/** Oldest first. */
export async function getHistories(
  db: Db,
  changeId: string,
): Promise<{ sha256: string; json: string; storedAt: string }[]> {
  return fromRegister(db, (handle) =>
    handle
      .selectFrom('histories')
      .select(['sha256', 'json', 'stored_at as storedAt'])
      .where('change_id', '=', changeId)
      .orderBy('stored_at')
      .execute(),
  );
}

/** Closed changes whose full history has not been kept yet, oldest first. */
export async function changesWithoutHistory(db: Db, limit: number): Promise<string[]> {
  const rows = await fromRegister(db, (handle) =>
    handle
      .selectFrom('changes')
      .select('changes.id')
      .leftJoin('histories', 'histories.change_id', 'changes.id')
      .where('changes.state', '=', 'closed')
      .where('changes.started_at', 'is not', null)
      .where('histories.change_id', 'is', null)
      .orderBy('changes.id')
      .limit(limit)
      .execute(),
  );
  return rows.map(({ id }) => id);
}
