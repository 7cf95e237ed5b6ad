import type { Branch, NativeCommand } from '../domain/act.js';
import type { ChangeState, Ending } from '../domain/change.js';
import type { Failure } from '../domain/failures.js';
import type { Clocks } from '../domain/window.js';
import { type Db, inRegister, type Trx } from './database.js';
import { document, utc } from './documents.js';
import { RecordMissing } from './missing.js';
import { tell } from './tell.js';

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
  currentStep?: string;
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
  await inRegister(db, async (trx) => {
    await project(trx, entry);
    const { changeId } = entry;
    await tell(
      trx,
      entry.events.map((event) => ({ ...event, changeId, at: event.at ?? entry.at })),
    );
  });
}

async function project(trx: Trx, entry: ProgressEntry): Promise<void> {
  const written = await trx
    .updateTable('changes')
    .set((row) => ({
      state: entry.state,
      ending: entry.ending ?? null,
      round: entry.round,
      plan_hash: entry.planHash ?? null,
      missing: document(entry.missing ?? []),
      clocks: document(entry.clocks ?? {}),
      failures: document(entry.failures ?? []),
      current_step: entry.currentStep ?? null,
      half_state: entry.halfState ? document(entry.halfState) : null,
      restored: entry.restored ?? null,
      sequence: entry.sequence,
      version: row('version', '+', 1),
      updated_at: utc(entry.at),
    }))
    .where('id', '=', entry.changeId)
    .where('sequence', '<', entry.sequence)
    .executeTakeFirst();
  if (written.numUpdatedRows === 0n) return mustExist(trx, entry.changeId);
  if (entry.state === 'closed')
    await trx.deleteFrom('waiting_line').where('change_id', '=', entry.changeId).execute();
}

async function mustExist(trx: Trx, changeId: string): Promise<void> {
  const row = await trx.selectFrom('changes').select('id').where('id', '=', changeId).executeTakeFirst();
  if (!row) throw new RecordMissing('change', changeId);
}
