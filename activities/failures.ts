import { ApplicationFailure } from '@temporalio/common';
import { type Failure, failure, reasons, SlipwayError } from '../domain/failures.js';

/** The one door from reasons to Temporal: the type is the reason, the first detail the whole failure. */
export function applicationFailure(error: unknown): ApplicationFailure {
  const known = toFailure(error);
  return ApplicationFailure.create({
    type: known.reason,
    message: known.message,
    nonRetryable: !reasons[known.reason].retryable,
    details: [known],
    ...(error instanceof Error ? { cause: error } : {}),
  });
}

/** An error nobody foresaw says nothing about the machine: its outcome is unknown. */
export function toFailure(error: unknown): Failure {
  if (error instanceof SlipwayError) return error.failure;
  return failure('outcome-unknown', {
    cause: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  });
}

type Activities = Record<string, (input: never) => Promise<unknown>>;

/** Puts every activity behind the door, so that none forgets it. */
export function behindTheDoor<A extends Activities>(activities: A): A {
  const guarded = Object.entries(activities).map(([name, activity]) => [
    name,
    async (input: never) => {
      try {
        return await activity(input);
      } catch (error) {
        throw error instanceof ApplicationFailure ? error : applicationFailure(error);
      }
    },
  ]);
  return Object.fromEntries(guarded) as A;
}
