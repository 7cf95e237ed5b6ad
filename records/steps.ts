import { sql } from 'kysely';
import { type Fact, formatCommand, type NativeCommand, type RanCommand } from '../domain/act.js';
import { type Failure, failure, SlipwayError } from '../domain/failures.js';
import { appendAudit, slipwayActor } from './audit.js';
import { type Db, inRegister, type Trx } from './database.js';
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
  await inRegister(db, async (trx) => {
    await checkClaim(trx, intent);
    const { changeId, round, name, direction, keys, commands, at } = intent;
    await trx
      .insertInto('step_attempts')
      .values({
        ...attemptColumns(intent),
        change_id: changeId,
        round,
        name,
        direction,
        keys,
        commands: document(commands),
        started_at: utc(at),
        ended_at: null,
        outcome: null,
        failure: null,
        before: null,
        after: null,
        ran: null,
      })
      .onConflict((conflict) => conflict.columns(['op_id', 'epoch', 'sequence', 'attempt']).doNothing())
      .execute();
    const { opId, epoch, sequence, attempt } = intent;
    await appendAudit(trx, {
      changeId,
      key: attemptKey('step.intent', intent),
      at,
      actor: slipwayActor,
      kind: 'step.intent',
      data: {
        step: name,
        direction,
        round,
        opId,
        epoch,
        sequence,
        attempt,
        keys,
        commands: commands.map(formatCommand),
      },
    });
  });
}

/** The share lock holds until the commit: an epoch can't be raised between this look and the intent. */
async function checkClaim(trx: Trx, { changeId, epoch, keys }: StepIntent): Promise<void> {
  const rows = await trx
    .selectFrom('claims')
    .select(['key', 'change_id', 'epoch'])
    .where('key', '=', sql<string>`any(${keys}::text[])`)
    .orderBy('key')
    .forShare()
    .execute();
  for (const key of keys) {
    const row = rows.find((one) => one.key === key);
    if (row?.change_id === changeId && row.epoch === epoch) continue;
    const actual = row?.change_id ? `epoch ${row.epoch} of change ${row.change_id}` : 'no claim';
    throw new SlipwayError(
      failure('stale-epoch', { expected: `epoch ${epoch} of change ${changeId} on ${key}`, actual }),
    );
  }
}

/**
 * Writes what came of an attempt, with the audit event `step.outcome`. No claim is asked for: what happened is
 * recorded even if it was stale. The first outcome of an attempt stays. Throws `RecordMissing` without an intent.
 */
export async function endStep(db: Db, end: StepEnd): Promise<void> {
  await inRegister(db, async (trx) => {
    const before = end.before.map(storable);
    const after = end.after.map(storable);
    const ran = end.ran.map(storableRun);
    const written = await trx
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
      .returning(['name', 'direction', 'round'])
      .executeTakeFirst();
    if (!written) return mustBeBegun(trx, end);
    const { opId, epoch, sequence, attempt, outcome } = end;
    await appendAudit(trx, {
      changeId: end.changeId,
      key: attemptKey('step.outcome', end),
      at: end.at,
      actor: slipwayActor,
      kind: 'step.outcome',
      data: {
        step: written.name,
        direction: written.direction,
        round: written.round,
        ...{ opId, epoch, sequence, attempt, outcome },
        ...(end.failure && { failure: end.failure }),
        before: before.map(inWords),
        after: after.map(inWords),
        ran: ran.map((command) => ({ command: formatCommand(command), exitCode: command.exitCode })),
        evidence: digestOf({ before, after, ran }),
      },
    });
  });
}

async function mustBeBegun(trx: Trx, end: StepEnd): Promise<void> {
  const row = await trx
    .selectFrom('step_attempts')
    .select('op_id')
    .where((attempt) => attempt.and(attemptColumns(end)))
    .where('change_id', '=', end.changeId)
    .executeTakeFirst();
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
