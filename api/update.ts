import {
  isGrpcDeadlineError,
  isGrpcServiceError,
  ServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { type ApiCode, ProblemError } from './problem.js';
import { Rejection } from '../workflows/contract.js';

/** How long a person waits for a worker's answer before Slipway goes another way. */
export const answersWithinMs = 3_000;

const refusals: Record<string, ApiCode | 'review-forged'> = {
  closed: 'review-closed',
  'stale-plan': 'stale-plan',
  'own-change': 'own-change',
  'comment-missing': 'comment-missing',
  'already-decided': 'already-decided',
  'review-forged': 'review-forged',
};

export type UpdateFailure =
  | { kind: 'rejected'; problem: ProblemError; refusal: string | null }
  /** Nobody answered: whether the update will still happen is unknown. */
  | { kind: 'silent' }
  | { kind: 'down'; why: string }
  /** No such workflow runs: it is over, or was never started. */
  | { kind: 'gone' }
  | { kind: 'other'; error: unknown };

/** What it means that an update (or signal) to a change did not work. */
export function updateFailure(error: unknown): UpdateFailure {
  if (error instanceof WorkflowUpdateFailedError) return rejection(error);
  if (error instanceof WorkflowNotFoundError) return { kind: 'gone' };
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return { kind: 'silent' };
  const grpc = error instanceof ServiceError ? error.cause : error;
  if (isGrpcDeadlineError(grpc)) return { kind: 'silent' };
  if (error instanceof ServiceError || isGrpcServiceError(grpc)) {
    return { kind: 'down', why: grpc instanceof Error ? grpc.message : String(grpc) };
  }
  return { kind: 'other', error };
}

function rejection(error: WorkflowUpdateFailedError): UpdateFailure {
  const { cause } = error;
  if (!(cause instanceof ApplicationFailure)) return { kind: 'other', error };
  const details = (cause.details?.[0] ?? {}) as { refusal?: string };
  const refusal = cause.type === Rejection.review ? (details.refusal ?? null) : null;
  const code = codeOf(cause.type ?? '', refusal);
  // An accepted update of a workflow that ended before it was done: it did not happen.
  if (!code)
    return cause.type === 'AcceptedUpdateCompletedWorkflow' ? { kind: 'gone' } : { kind: 'other', error };
  return {
    kind: 'rejected',
    problem: new ProblemError(code, { detail: cause.message }, { cause: error }),
    refusal,
  };
}

function codeOf(type: string, refusal: string | null): ApiCode | 'review-forged' | null {
  if (type === Rejection.notNow) return 'not-now';
  if (type === Rejection.secondPerson) return 'second-person-needed';
  return refusal ? (refusals[refusal] ?? 'review-closed') : null;
}
