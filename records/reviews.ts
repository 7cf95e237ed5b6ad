import type { Selectable } from 'kysely';
import { canonicalJson } from '../domain/canonical.js';
import type { SignedDecision } from '../domain/review.js';
import { actorOf, slipwayActor, telling } from './audit.js';
import { RecordConflict } from './conflict.js';
import { type Db, fromRegister } from './database.js';
import { document, utc } from './documents.js';
import type { Tables } from './schema.js';

export interface StoredReview {
  decision: SignedDecision;
  storedAt: string;
  /** Null as long as the workflow has not said whether it counts. */
  outcome: 'counted' | 'refused' | null;
  /** A `ReviewRefusal`, or `review-forged`. */
  refusal: string | null;
}

export interface SettledReview {
  changeId: string;
  decisionId: string;
  outcome: 'counted' | 'refused';
  /** A `ReviewRefusal`, or `review-forged` for one that never came through the API and was not kept. */
  refusal?: string;
  at: string;
}

/**
 * Keeps a decision with its audit event `review.recorded` and its outbox row. Repeating it changes nothing
 * (`stored: false`); the same decisionId with another content: throws `RecordConflict`.
 */
export async function storeReview(db: Db, decision: SignedDecision): Promise<{ stored: boolean }> {
  const { changeId, decisionId, planHash, reviewer, decidedAt: at } = decision;
  const kind = 'review.recorded';
  const actor = actorOf(reviewer);
  const event = { changeId, key: `${kind}/${decisionId}`, at, actor, kind, data: { ...decision } };
  const stored = await fromRegister(db, (handle) =>
    handle
      .with('written', (cte) =>
        cte
          .insertInto('reviews')
          .values({
            decision_id: decisionId,
            change_id: changeId,
            plan_hash: planHash,
            reviewer_issuer: reviewer.issuer,
            reviewer_subject: reviewer.subject,
            decision: document(decision),
          })
          .onConflict((conflict) => conflict.column('decision_id').doNothing())
          .returning('decision_id'),
      )
      .selectFrom('written')
      .select(telling(event).as('told'))
      .executeTakeFirst(),
  );
  if (!stored) await mustBeSame(db, decision);
  return { stored: stored !== undefined };
}

async function mustBeSame(db: Db, decision: SignedDecision): Promise<void> {
  const existing = await fromRegister(db, (handle) =>
    handle
      .selectFrom('reviews')
      .select('decision')
      .where('decision_id', '=', decision.decisionId)
      .executeTakeFirstOrThrow(),
  );
  if (canonicalJson(existing.decision) === canonicalJson(decision)) return;
  throw new RecordConflict('review', decision.decisionId, existing.decision.decisionId);
}

/** What the workflow made of a review, told by an activity; the first answer stays. Audit event `review.counted` or `review.refused`. */
export async function settleReview(db: Db, settled: SettledReview): Promise<void> {
  const { changeId, decisionId, outcome, refusal, at } = settled;
  const kind = `review.${outcome}`;
  const data = { decisionId, ...(refusal && { refusal }) };
  const event = { changeId, key: `review.settled/${decisionId}`, at, actor: slipwayActor, kind, data };
  await fromRegister(db, (handle) =>
    handle
      .with('written', (cte) =>
        cte
          .insertInto('review_outcomes')
          .values({
            decision_id: decisionId,
            change_id: changeId,
            outcome,
            refusal: refusal ?? null,
            at: utc(at),
          })
          .onConflict((conflict) => conflict.column('decision_id').doNothing())
          .returning('decision_id'),
      )
      .selectFrom('written')
      .select(telling(event).as('told'))
      .execute(),
  );
}

/** In the order in which they were stored. */
export async function listReviews(db: Db, changeId: string): Promise<StoredReview[]> {
  const rows = await fromRegister(db, (handle) =>
    reviewsWithOutcome(handle).where('reviews.change_id', '=', changeId).execute(),
  );
  return rows.map(asReview);
}

/** Reviews of open changes that no workflow has answered yet, oldest first: to be delivered again. */
export async function unsettledReviews(db: Db, limit = 50): Promise<StoredReview[]> {
  const rows = await fromRegister(db, (handle) =>
    reviewsWithOutcome(handle)
      .innerJoin('changes', 'changes.id', 'reviews.change_id')
      .where('changes.state', '<>', 'closed')
      .where('review_outcomes.decision_id', 'is', null)
      .limit(limit)
      .execute(),
  );
  return rows.map(asReview);
}

function reviewsWithOutcome(db: Db) {
  return db
    .selectFrom('reviews')
    .leftJoin('review_outcomes', 'review_outcomes.decision_id', 'reviews.decision_id')
    .select(['reviews.decision', 'reviews.stored_at', 'review_outcomes.outcome', 'review_outcomes.refusal'])
    .orderBy('reviews.stored_at')
    .orderBy('reviews.decision_id');
}

type ReviewRow = Pick<Selectable<Tables['reviews']>, 'decision' | 'stored_at'> & {
  outcome: 'counted' | 'refused' | null;
  refusal: string | null;
};

function asReview({ decision, stored_at: storedAt, outcome, refusal }: ReviewRow): StoredReview {
  return { decision, storedAt, outcome, refusal };
}
