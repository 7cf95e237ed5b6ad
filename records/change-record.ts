import type { Selectable } from 'kysely';
import type { ChangeRequest, ChangeState, Ending, Identity } from '../domain/change.js';
import type { Failure } from '../domain/failures.js';
import type { HalfState, MissingReviews, ShownClocks } from './progress.js';
import type { Tables } from './schema.js';

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
  waitingFor: string | null;
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

export type ChangeRow = Selectable<Tables['changes']>;

export function asChange(row: ChangeRow): ChangeRecord {
  return {
    id: row.id,
    request: row.request,
    requestHash: row.request_hash,
    requester: { issuer: row.requester_issuer, subject: row.requester_subject },
    requesterName: row.requester_name,
    editors: row.editors,
    state: row.state,
    ending: row.ending,
    round: row.round,
    planHash: row.plan_hash,
    missing: row.missing,
    clocks: row.clocks,
    failures: row.failures,
    waitingFor: row.waiting_for,
    halfState: row.half_state,
    restored: row.restored,
    sequence: row.sequence,
    version: row.version,
    startedAt: row.started_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
