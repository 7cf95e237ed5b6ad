import type { ChangeRequest, ChangeState, Ending, Identity } from '../domain/change.js';
import type { Failure } from '../domain/failures.js';
import type { Db } from './database.js';
import type { HalfState, MissingReviews, ShownClocks } from './progress.js';

/** A change as the register shows it: the request and the newest projection of its workflow. Times are RFC 3339 in UTC. */
export interface ChangeRecord {
  id: string;
  request: ChangeRequest;
  requestHash: string;
  requester: Identity;
  requesterName: string;
  editors: Identity[];
  state: ChangeState;
  ending: Ending | null;
  round: number;
  planHash: string | null;
  missing: MissingReviews[];
  clocks: ShownClocks;
  failures: Failure[];
  currentStep: string | null;
  halfState: HalfState | null;
  restored: boolean | null;
  /** Sequence of the newest progress entry, 0 before the first. */
  sequence: number;
  /** Grows with every write: fit for an ETag. */
  version: number;
  /** When its workflow was started; null until `markStarted`. */
  startedAt: string | null;
  createdAt: string;
  updatedAt: string;
}

export interface NewChange {
  id: string;
  request: ChangeRequest;
  requester: Identity;
  requesterName: string;
  /** Everybody who shaped the request besides the requester; none of them may review. */
  editors: Identity[];
  idempotencyKey?: string;
  /** Digest of the request as it was sent: tells a repetition from another request with the same key. */
  requestHash: string;
  at: string;
}

export interface ChangeFilter {
  state?: ChangeState;
  host?: string;
  vm?: string;
  requester?: Identity;
  /** An address in any spelling. */
  device?: string;
  /** The inbox of this person: awaiting review, not their own, not yet decided by them for the current plan. */
  awaitingReview?: Identity;
  /** `next` of the page before. Throws `request-invalid` for a cursor nobody gave out. */
  cursor?: string;
  limit: number;
}

export interface Page<T> {
  items: T[];
  /** Null on the last page. */
  next: string | null;
}

/**
 * Stores a change with its audit event `change.requested` and its outbox row in one transaction. The same
 * requester with the same idempotency key (or the same id) and the same hash gets what is there (`created: false`);
 * with another hash: throws `RecordConflict`.
 */
export function createChange(_db: Db, _change: NewChange): Promise<{ change: ChangeRecord; created: boolean }> {
  throw new Error('not written yet');
}

/** Notes that the workflow was started; repeating it keeps the first time. */
export function markStarted(_db: Db, _id: string, _at: string): Promise<void> {
  throw new Error('not written yet');
}

/** Changes whose workflow nobody is known to have started, oldest first: the relay starts them (again, harmlessly). */
export function unstartedChanges(_db: Db, _limit = 50): Promise<ChangeRecord[]> {
  throw new Error('not written yet');
}

export function getChange(_db: Db, _id: string): Promise<ChangeRecord | null> {
  throw new Error('not written yet');
}

/** Newest first; pages stay stable while changes are added. */
export function listChanges(_db: Db, _filter: ChangeFilter): Promise<Page<ChangeRecord>> {
  throw new Error('not written yet');
}
