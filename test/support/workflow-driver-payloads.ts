import {
  ActivityFailure,
  defaultFailureConverter,
  defaultPayloadConverter,
  TimeoutFailure,
} from '@temporalio/common';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import type { temporal } from '@temporalio/proto';

type Payload = temporal.api.common.v1.IPayload;
type ProtoFailure = temporal.api.failure.v1.IFailure;

/** Thrown by an answer: the worker is gone, or took too long. What it did until then is done. */
export class Lost extends Error {
  constructor(readonly timeout: 'START_TO_CLOSE' | 'HEARTBEAT' | 'SCHEDULE_TO_START' = 'START_TO_CLOSE') {
    super(`no answer: ${timeout}`);
  }
}

export function packed(value: unknown): Payload {
  return defaultPayloadConverter.toPayload(value);
}

export function unpacked(value: Payload | null | undefined): unknown {
  return value ? defaultPayloadConverter.fromPayload(value) : undefined;
}

/** What a workflow gets to see when an activity has failed for good. */
export function activityFailed(name: string, error: Error): ProtoFailure {
  const cause = error instanceof Lost ? new TimeoutFailure(error.message, undefined, error.timeout) : error;
  const failure = new ActivityFailure('', name, '', 'NON_RETRYABLE_FAILURE', '', cause);
  return defaultFailureConverter.errorToFailure(failure, defaultPayloadConverter);
}

export interface SeenError extends Error {
  type?: string;
  details?: unknown[];
}

export function errorOf(failure: ProtoFailure): SeenError {
  return defaultFailureConverter.failureToError(failure, defaultPayloadConverter);
}

/** How long the server waits before it has an activity tried again, in milliseconds; null when it does not. */
export function pauseBeforeRetry(
  retry: temporal.api.common.v1.IRetryPolicy,
  attempt: number,
  error: Error,
): number | null {
  const { nonRetryable } = error as Error & { nonRetryable?: boolean | null };
  if (nonRetryable || (retry.maximumAttempts && attempt >= retry.maximumAttempts)) return null;
  const first = optionalTsToMs(retry.initialInterval) ?? 1000;
  const most = optionalTsToMs(retry.maximumInterval) ?? first * 100;
  return Math.min(most, first * (retry.backoffCoefficient || 2) ** (attempt - 1));
}
