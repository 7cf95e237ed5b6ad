import type { ReviewRefusal, SignedDecision } from '../domain/review.js';
import type { Db } from './database.js';

export interface StoredReview {
  decision: SignedDecision;
  storedAt: string;
  /** Null as long as the workflow has not said whether it counts. */
  outcome: 'counted' | 'refused' | null;
  refusal: ReviewRefusal | string | null;
}

/**
 * Keeps a decision with its audit event `review.recorded` and its outbox row. Repeating it changes nothing
 * (`stored: false`); the same decisionId with another content: throws `RecordConflict`.
 */
export function storeReview(_db: Db, _decision: SignedDecision): Promise<{ stored: boolean }> {
  throw new Error('not written yet');
}

/** What the workflow made of a review, told by an activity; the first answer stays. Audit event `review.counted` or `review.refused`. */
export function settleReview(
  _db: Db,
  _settled: { changeId: string; decisionId: string; outcome: 'counted' | 'refused'; refusal?: string; at: string },
): Promise<void> {
  throw new Error('not written yet');
}

/** In the order in which they were stored. */
export function listReviews(_db: Db, _changeId: string): Promise<StoredReview[]> {
  throw new Error('not written yet');
}

/** Reviews of open changes that no workflow has answered yet, oldest first: to be delivered again. */
export function unsettledReviews(_db: Db, _limit = 50): Promise<StoredReview[]> {
  throw new Error('not written yet');
}
