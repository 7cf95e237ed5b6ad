import { type Kysely, sql } from 'kysely';

/** Tables to which rows may only be added: the trigger holds even for the owner of the schema. */
export const appendOnly = [
  'audit_events',
  'checkpoints',
  'plans',
  'reviews',
  'review_outcomes',
  'histories',
] as const;

/** The hash chains, their checkpoints, and the trigger that keeps what was written. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table audit_events (
      change_id text not null,
      sequence bigint not null check (sequence > 0),
      key text not null,
      at timestamptz not null,
      actor text not null,
      kind text not null,
      data json not null,
      previous text not null,
      hash text not null,
      primary key (change_id, sequence),
      unique (change_id, key)
    )`.execute(db);
  await sql`create index audit_events_by_time on audit_events (at, change_id, sequence)`.execute(db);

  // The row of a chain is its lock: who adds an event holds it until the commit.
  await sql`
    create table audit_heads (
      change_id text primary key,
      sequence bigint not null,
      hash text not null
    )`.execute(db);

  await sql`
    create table checkpoints (
      number bigint primary key,
      at timestamptz not null,
      digest text not null unique,
      checkpoint json not null,
      signature text not null
    )`.execute(db);
  await sql`
    create table checkpoint_heads (
      change_id text primary key,
      sequence bigint not null
    )`.execute(db);

  await sql`
    create function refuse_rewriting() returns trigger language plpgsql as $$
    begin
      raise exception '% may only grow: % refused', tg_table_name, lower(tg_op)
        using errcode = 'insufficient_privilege', hint = 'add a new row that says what is true now';
    end $$`.execute(db);
  for (const table of appendOnly) {
    await sql`
      create trigger only_grows before update or delete or truncate on ${sql.table(table)}
      for each statement execute function refuse_rewriting()`.execute(db);
  }
}
