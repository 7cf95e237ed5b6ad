import { sql } from 'kysely';
import { type Fact, formatCommand, type NativeCommand, type RanCommand } from '../domain/act.js';
import type { AuditEvent } from '../domain/audit.js';
import { type Failure, failure, SlipwayError } from '../domain/failures.js';
import { appending, slipwayActor } from './audit.js';
import { type Db, fromRegister } from './database.js';
import { cut, digestOf, document, utc } from './documents.js';
import { RecordMissing } from './missing.js';

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

type Attempt = Pick<StepIntent, 'opId' | 'epoch' | 'sequence' | 'attempt'>;

/**
 * No intent, no effect: in one transaction checks that `epoch` is the newest of every key and that this change holds
 * them, writes the attempt and the audit event `step.intent`. Throws `stale-epoch` otherwise. Repeating it is harmless.
 */
export async function beginStep(db: Db, intent: StepIntent): Promise<void> {
  const { changeId, round, name, direction, opId, epoch, sequence, attempt, commands } = intent;
  const keys = [...new Set(intent.keys)];
  // The share lock holds until the commit: an epoch can't be raised between this look and the intent.
  const { rows } = await fromRegister(db, (handle) =>
    sql`
      with held as (
        select key from claims
        where key = any(${keys}::text[]) and change_id = ${changeId} and epoch = ${epoch}
        order by key for share),
      allowed as (select count(*) as keys from held having count(*) = ${keys.length}),
      begun as (
        insert into step_attempts
          (op_id, epoch, sequence, attempt, change_id, round, name, direction, keys, commands, started_at)
        select ${opId}, ${epoch}::bigint, ${sequence}::bigint, ${attempt}::integer, ${changeId}, ${round}::integer,
          ${name}, ${direction}, ${keys}::text[], ${document(commands)}::json, ${utc(intent.at)}::timestamptz
        from allowed
        on conflict (op_id, epoch, sequence, attempt) do nothing)
      select ${appending(intended(intent))} from allowed`.execute(handle),
  );
  if (rows.length === 0) throw await staleEpoch(db, intent);
}

function intended(intent: StepIntent): AuditEvent {
  const { changeId, round, name, direction, opId, epoch, sequence, attempt, keys, at } = intent;
  const commands = intent.commands.map(formatCommand);
  const data = { step: name, direction, round, opId, epoch, sequence, attempt, keys, commands };
  return {
    changeId,
    key: attemptKey('step.intent', intent),
    at,
    actor: slipwayActor,
    kind: 'step.intent',
    data,
  };
}

/** Says which key is not held under the epoch, and by whom it is. */
async function staleEpoch(db: Db, { changeId, epoch, keys }: StepIntent): Promise<SlipwayError> {
  const rows = await fromRegister(db, (handle) =>
    handle
      .selectFrom('claims')
      .selectAll()
      .where('key', '=', sql<string>`any(${keys}::text[])`)
      .execute(),
  );
  const found = (key: string): string => {
    const row = rows.find((one) => one.key === key);
    return row?.change_id ? `epoch ${row.epoch} of change ${row.change_id}` : 'no claim';
  };
  const wanted = `epoch ${epoch} of change ${changeId}`;
  const key = keys.find((one) => found(one) !== wanted);
  const expected = key === undefined ? wanted : `${wanted} on ${key}`;
  return new SlipwayError(
    failure('stale-epoch', { expected, actual: key === undefined ? 'no claim' : found(key) }),
  );
}

/**
 * Writes what came of an attempt, with the audit event `step.outcome`. No claim is asked for: what happened is
 * recorded even if it was stale. The first outcome of an attempt stays. Throws `RecordMissing` without an intent.
 */
export async function endStep(db: Db, end: StepEnd): Promise<void> {
  const before = end.before.map(storable);
  const after = end.after.map(storable);
  const ran = end.ran.map(storableRun);
  const ended = await fromRegister(db, (handle) =>
    handle
      .with('ended', (cte) =>
        cte
          .updateTable('step_attempts')
          .set({
            ended_at: utc(end.at),
            outcome: end.outcome,
            failure: end.failure ? document(end.failure) : null,
            before: document(before),
            after: document(after),
            ran: document(ran),
          })
          .where((row) => row.and(attemptColumns(end)))
          .where('change_id', '=', end.changeId)
          .where('outcome', 'is', null)
          .returning('op_id'),
      )
      .selectFrom('ended')
      .select(appending(happened(end, before, after, ran)).as('appended'))
      .executeTakeFirst(),
  );
  if (!ended) await mustBeBegun(db, end);
}

/** The record holds what was seen in words, and the digest of the whole evidence. */
function happened(end: StepEnd, before: Fact[], after: Fact[], ran: RanCommand[]): AuditEvent {
  const { changeId, opId, epoch, sequence, attempt, outcome, failure: why, at } = end;
  const data = {
    ...{ opId, epoch, sequence, attempt, outcome },
    ...(why && { failure: why }),
    before: before.map(inWords),
    after: after.map(inWords),
    ran: ran.map((command) => ({ command: formatCommand(command), exitCode: command.exitCode })),
    evidence: digestOf({ before, after, ran }),
  };
  return {
    changeId,
    key: attemptKey('step.outcome', end),
    at,
    actor: slipwayActor,
    kind: 'step.outcome',
    data,
  };
}

async function mustBeBegun(db: Db, end: StepEnd): Promise<void> {
  const row = await fromRegister(db, (handle) =>
    handle
      .selectFrom('step_attempts')
      .select('op_id')
      .where((attempt) => attempt.and(attemptColumns(end)))
      .where('change_id', '=', end.changeId)
      .executeTakeFirst(),
  );
  if (!row) throw new RecordMissing('intent', attemptKey(`of change ${end.changeId}`, end));
}

function attemptColumns({ opId, epoch, sequence, attempt }: Attempt) {
  return { op_id: opId, epoch, sequence, attempt };
}

function attemptKey(kind: string, { opId, epoch, sequence, attempt }: Attempt): string {
  return `${kind}/${opId}/${epoch}/${sequence}/${attempt}`;
}

const rawLimit = 16 * 1024;
const valueLimit = 1024;

function storable(fact: Fact): Fact {
  return { ...fact, raw: cut(fact.raw, rawLimit), value: cut(fact.value, rawLimit) };
}

function storableRun(command: RanCommand): RanCommand {
  const input = command.input === undefined ? {} : { input: cut(command.input, rawLimit) };
  return {
    ...command,
    ...input,
    stdout: cut(command.stdout, rawLimit),
    stderr: cut(command.stderr, rawLimit),
  };
}

function inWords({ subject, name, value }: Fact): string {
  return `${subject}: ${name} ${cut(value, valueLimit)}`;
}

export { listSteps, type StepRecord } from './step-list.js';

/** Whether any step was ever begun on this host: then a guard on it that knows nothing has lost its state. */
export async function hostWasActedOn(db: Db, host: string): Promise<boolean> {
  const row = await fromRegister(db, (handle) =>
    handle
      .selectFrom('step_attempts')
      .innerJoin('changes', 'changes.id', 'step_attempts.change_id')
      .select('step_attempts.op_id')
      .where('changes.host', '=', host)
      .limit(1)
      .executeTakeFirst(),
  );
  return row !== undefined;
}
