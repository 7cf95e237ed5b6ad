import type { Updateable } from 'kysely';
import type { Branch, NativeCommand } from '../domain/act.js';
import { ChangeState, type Ending } from '../domain/change.js';
import type { Failure } from '../domain/failures.js';
import type { Clocks } from '../domain/window.js';
import { telling } from './audit.js';
import { type Db, fromRegister } from './database.js';
import { document, utc } from './documents.js';
import { RecordMissing } from './missing.js';
import type { Tables } from './schema.js';

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
  /** `actorOf(identity)` for people, `slipwayActor` for the workflow itself. */
  actor: string;
  data: Record<string, unknown>;
  /** When it happened if that is not the entry's `at`. */
  at?: string;
}

/** What a workflow knows about itself, written whenever it changed. */
export interface ProgressEntry {
  changeId: string;
  /** From 1 on; grows with every entry of the change: the newest wins however late an older one arrives. */
  sequence: number;
  at: string;
  state: ChangeState;
  /** Given exactly when the state is `closed`. */
  ending?: Ending;
  round: number;
  planHash?: string;
  missing?: MissingReviews[];
  clocks?: ShownClocks;
  failures?: Failure[];
  /** In words: a window, a claim, a worker, a person. */
  waitingFor?: string;
  halfState?: HalfState;
  restored?: boolean;
  events: ProgressEvent[];
}

/**
 * Writes projection, audit events and outbox rows in one transaction. Each entry is the whole truth: what it
 * leaves out is cleared. Repeating an entry changes nothing; an older one adds its events and leaves the row alone.
 * A closed change also leaves the waiting line.
 * Throws `RecordMissing` for a change that was never created, `register-down` when the database is lost.
 */
export async function recordProgress(db: Db, entry: ProgressEntry): Promise<void> {
  const { changeId } = entry;
  const events = entry.events.map((event) => ({ ...event, changeId, at: event.at ?? entry.at }));
  const row = await fromRegister(db, (handle) =>
    handle
      .with('written', (cte) =>
        cte
          .updateTable('changes')
          .set((row) => ({ ...projection(entry), version: row('version', '+', 1) }))
          .where('id', '=', changeId)
          .where('sequence', '<', entry.sequence)
          .returning(['id', 'state']),
      )
      .with('left', (cte) =>
        cte
          .deleteFrom('waiting_line')
          .where('change_id', 'in', (query) =>
            query.selectFrom('written').select('id').where('state', '=', ChangeState.closed),
          )
          .returning('change_id'),
      )
      .selectFrom('changes')
      // Row and line first, the chain's lock last, as everywhere: the counts are taken before the events are told.
      .crossJoin((query) =>
        query
          .selectFrom('written')
          .select((one) => one.fn.countAll().as('rows'))
          .as('written_rows'),
      )
      .crossJoin((query) =>
        query
          .selectFrom('left')
          .select((one) => one.fn.countAll().as('rows'))
          .as('left_rows'),
      )
      .where('changes.id', '=', changeId)
      .select(telling(events).as('told'))
      .executeTakeFirst(),
  );
  if (!row) throw new RecordMissing('change', changeId);
}

function projection(entry: ProgressEntry): Updateable<Tables['changes']> {
  return {
    state: entry.state,
    ending: entry.ending ?? null,
    round: entry.round,
    plan_hash: entry.planHash ?? null,
    missing: document(entry.missing ?? []),
    clocks: document(entry.clocks ?? {}),
    failures: document(entry.failures ?? []),
    waiting_for: entry.waitingFor ?? null,
    half_state: entry.halfState ? document(entry.halfState) : null,
    restored: entry.restored ?? null,
    sequence: entry.sequence,
    updated_at: utc(entry.at),
  };
}
