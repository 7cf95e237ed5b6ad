import type { Selectable } from 'kysely';
import type { Fact, NativeCommand, RanCommand } from '../domain/act.js';
import type { Failure } from '../domain/failures.js';
import { type Db, fromRegister } from './database.js';
import type { Tables } from './schema.js';

/** One operation as an SRE reads it; `outcome` null means that it still runs. Of one that was lost nobody knows when it ended. */
export interface StepRecord {
  round: number;
  name: string;
  direction: 'forward' | 'undo' | 'escalation';
  opId: string;
  attempts: number;
  startedAt: string;
  endedAt: string | null;
  outcome: 'done' | 'already' | 'failed' | 'unknown' | null;
  failure?: Failure;
  commands: NativeCommand[];
  /** `before` of the first attempt that tells, `after` of the newest; `ran` of all of them in order. */
  evidence: { before: Fact[]; after: Fact[]; ran: RanCommand[] };
}

/** In the order in which they were begun. */
export async function listSteps(db: Db, changeId: string): Promise<StepRecord[]> {
  const rows = await fromRegister(db, (handle) =>
    handle
      .selectFrom('step_attempts')
      .innerJoin('changes', 'changes.id', 'step_attempts.change_id')
      .selectAll('step_attempts')
      .select('changes.state')
      .where('change_id', '=', changeId)
      .orderBy('sequence')
      .orderBy('epoch')
      .orderBy('attempt')
      .execute(),
  );
  // A change does one thing at a time: whoever said nothing while the change went on was lost.
  const acts = rows[0]?.state === 'running' || rows[0]?.state === 'undoing';
  const running = acts ? rows.at(-1) : undefined;
  const operations = Map.groupBy(rows, (row) => row.op_id);
  return [...operations.values()].map((attempts) =>
    asStep(attempts, attempts.at(-1) === running ? null : 'unknown'),
  );
}

function asStep(attempts: Selectable<Tables['step_attempts']>[], silence: StepRecord['outcome']): StepRecord {
  const first = attempts[0]!;
  const newest = attempts.at(-1)!;
  return {
    round: first.round,
    name: first.name,
    direction: first.direction,
    opId: first.op_id,
    attempts: attempts.length,
    startedAt: first.started_at,
    endedAt: newest.ended_at,
    outcome: newest.outcome ?? silence,
    ...(newest.failure && { failure: newest.failure }),
    commands: newest.commands,
    evidence: {
      before: attempts.find((attempt) => attempt.before !== null)?.before ?? [],
      after: attempts.findLast((attempt) => attempt.after !== null)?.after ?? [],
      ran: attempts.flatMap((attempt) => attempt.ran ?? []),
    },
  };
}
