import type { ChangeState, Ending } from '../domain/change.js';
import type { Failure } from '../domain/failures.js';
import type { Clocks } from '../domain/window.js';
import type { Branch, NativeCommand } from '../domain/act.js';
import type { Db } from './database.js';

/** One gap of `standing()`: which requirement lacks how many people. */
export interface MissingReviews {
  requirement: string;
  count: number;
  groups: string[];
}

export type ShownClocks = Partial<Clocks>;

/** What an operator sees of a parked change: how far each branch came and what to type. */
export interface HalfState {
  branches: { branch: Branch; unit?: string; stoppedAt: string; failure: Failure }[];
  commands: { step: string; commands: NativeCommand[] }[];
}

export interface ProgressEvent {
  /** Unique within the change, the same on every replay: `round-2/plan-made`. */
  key: string;
  kind: string;
  /** `actorOf(identity)` for people, `slipway` for the workflow itself. */
  actor: string;
  data: Record<string, unknown>;
  /** When it happened if that is not the entry's `at`. */
  at?: string;
}

/** What a workflow knows about itself, written whenever it changed. */
export interface ProgressEntry {
  changeId: string;
  /** Grows with every entry of the change; the newest wins however late an older one arrives. */
  sequence: number;
  at: string;
  state: ChangeState;
  ending?: Ending;
  round: number;
  planHash?: string;
  missing?: MissingReviews[];
  clocks?: ShownClocks;
  failures?: Failure[];
  currentStep?: string;
  halfState?: HalfState;
  restored?: boolean;
  events: ProgressEvent[];
}

/**
 * Writes projection, audit events and outbox rows in one transaction. Each entry is the whole truth: what it
 * leaves out is cleared. Repeating an entry changes nothing; an older one adds its events and leaves the row alone.
 * Throws `RecordMissing` for a change that was never created, `register-down` when the database is lost.
 */
export function recordProgress(_db: Db, _entry: ProgressEntry): Promise<void> {
  throw new Error('not written yet');
}
