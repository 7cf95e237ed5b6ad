import type { Fact, NativeCommand, RanCommand } from '../domain/act.js';
import type { Failure } from '../domain/failures.js';
import type { Db } from './database.js';

export type StepDirection = 'forward' | 'undo' | 'escalation';
export type StepOutcome = 'done' | 'already' | 'failed' | 'unknown';

/** What is about to be done. `opId`, `epoch`, `sequence` and `attempt` are those of the `Order` given to the host. */
export interface StepIntent {
  changeId: string;
  round: number;
  /** Name of the plan's step: `dismount 0000:02:00.0`. */
  name: string;
  direction: StepDirection;
  opId: string;
  epoch: number;
  sequence: number;
  attempt: number;
  keys: string[];
  commands: NativeCommand[];
  at: string;
}

/** What came of one attempt. Long outputs are cut when stored. */
export interface StepEnd {
  changeId: string;
  opId: string;
  epoch: number;
  sequence: number;
  attempt: number;
  outcome: StepOutcome;
  failure?: Failure;
  before: Fact[];
  after: Fact[];
  ran: RanCommand[];
  at: string;
}

/** One operation as an SRE reads it; `outcome` null means that its newest attempt still runs or was lost. */
export interface StepRecord {
  round: number;
  name: string;
  direction: StepDirection;
  opId: string;
  attempts: number;
  startedAt: string;
  endedAt: string | null;
  outcome: StepOutcome | null;
  failure?: Failure;
  commands: NativeCommand[];
  evidence: { before: Fact[]; after: Fact[]; ran: RanCommand[] };
}

/**
 * No intent, no effect: in one transaction checks that `epoch` is the newest of every key and that this change holds
 * them, writes the attempt and the audit event `step.intent`. Throws `stale-epoch` otherwise. Repeating it is harmless.
 */
export function beginStep(_db: Db, _intent: StepIntent): Promise<void> {
  throw new Error('not written yet');
}

/**
 * Writes what came of an attempt, with the audit event `step.outcome`. No claim is asked for: what happened is
 * recorded even if it was stale. The first outcome of an attempt stays. Throws `RecordMissing` without an intent.
 */
export function endStep(_db: Db, _end: StepEnd): Promise<void> {
  throw new Error('not written yet');
}

/** In the order in which they were begun. */
export function listSteps(_db: Db, _changeId: string): Promise<StepRecord[]> {
  throw new Error('not written yet');
}
