import { type Kysely, sql } from 'kysely';

/** One row for each attempt at an operation: the intent first, what came of it later. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table step_attempts (
      op_id text not null,
      epoch bigint not null,
      sequence bigint not null,
      attempt integer not null,
      change_id text not null references changes,
      round integer not null,
      name text not null,
      direction text not null check (direction in ('forward', 'undo', 'escalation')),
      keys text[] not null,
      commands json not null,
      started_at timestamptz not null,
      ended_at timestamptz,
      outcome text check (outcome in ('done', 'already', 'failed', 'unknown')),
      failure json,
      before json,
      after json,
      ran json,
      primary key (op_id, epoch, sequence, attempt),
      check ((outcome is null) = (ended_at is null))
    )`.execute(db);
  await sql`create index step_attempts_of_change on step_attempts (change_id, sequence, attempt)`.execute(db);
}
