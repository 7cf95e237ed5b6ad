import { type Kysely, sql } from 'kysely';

/** Changes with what belongs to each: plans, reviews, evidence, histories; and the outbox. */
export async function up(db: Kysely<never>): Promise<void> {
  // Documents are `json`, not `jsonb`: they come back to the letter, and a NUL in a tool's output can't refuse them.
  await sql`
    create table changes (
      id text primary key,
      request json not null,
      request_hash text not null,
      idempotency_key text,
      requester_issuer text not null,
      requester_subject text not null,
      requester_name text not null,
      editors json not null,
      action text not null,
      site text not null,
      host text not null,
      vm text not null,
      devices text[] not null,
      state text not null,
      ending text,
      round integer not null,
      plan_hash text,
      missing json not null,
      clocks json not null,
      failures json not null,
      waiting_for text,
      half_state json,
      restored boolean,
      sequence bigint not null,
      version bigint not null default 1,
      started_at timestamptz,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      unique (requester_issuer, requester_subject, idempotency_key),
      check ((state = 'closed') = (ending is not null))
    )`.execute(db);
  await sql`create index changes_newest on changes (created_at desc, id desc)`.execute(db);
  await sql`create index changes_open on changes (state, created_at desc, id desc) where state <> 'closed'`.execute(
    db,
  );
  await sql`create index changes_unstarted on changes (created_at) where started_at is null`.execute(db);
  await sql`create index changes_host on changes (host, vm)`.execute(db);
  await sql`create index changes_devices on changes using gin (devices)`.execute(db);

  await sql`
    create table plans (
      change_id text not null references changes,
      round integer not null,
      plan_hash text not null,
      plan json not null,
      material json not null,
      stored_at timestamptz not null default now(),
      primary key (change_id, plan_hash)
    )`.execute(db);

  await sql`
    create table reviews (
      decision_id text primary key,
      change_id text not null references changes,
      plan_hash text not null,
      reviewer_issuer text not null,
      reviewer_subject text not null,
      decision json not null,
      stored_at timestamptz not null default clock_timestamp()
    )`.execute(db);
  await sql`create index reviews_of_change on reviews (change_id, stored_at)`.execute(db);
  // No reference to reviews: a forged one is answered too, and never kept.
  await sql`
    create table review_outcomes (
      decision_id text primary key,
      change_id text not null references changes,
      outcome text not null check (outcome in ('counted', 'refused')),
      refusal text,
      at timestamptz not null
    )`.execute(db);

  await sql`
    create table evidence (
      change_id text not null references changes,
      round integer not null,
      moment text not null check (moment in ('before', 'after')),
      facts json not null,
      digest text not null,
      at timestamptz not null,
      primary key (change_id, round, moment)
    )`.execute(db);
  await sql`
    create table histories (
      change_id text not null references changes,
      sha256 text not null,
      json text not null,
      stored_at timestamptz not null default clock_timestamp(),
      primary key (change_id, sha256)
    )`.execute(db);

  await sql`
    create table outbox (
      id bigint generated always as identity primary key,
      change_id text not null,
      key text not null,
      kind text not null,
      at timestamptz not null,
      actor text not null,
      data json not null,
      attempts integer not null default 0,
      leased_until timestamptz,
      delivered_at timestamptz,
      unique (change_id, key)
    )`.execute(db);
  await sql`create index outbox_undelivered on outbox (id) where delivered_at is null`.execute(db);
}
