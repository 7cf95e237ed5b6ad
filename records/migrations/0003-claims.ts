import { type Kysely, sql } from 'kysely';

/** Who holds what, under which epoch, who waits for it; and where attached devices came from. */
export async function up(db: Kysely<never>): Promise<void> {
  // Never cycles and is never reset: hosts remember the highest epoch they have seen.
  await sql`create sequence claim_epoch as bigint start 1 no cycle cache 1`.execute(db);
  // The one way to move it by hand: forward. The app's role may call it and can't set the sequence itself.
  // `alter sequence` takes the lock that keeps nextval out: nobody draws an epoch between the look and the move.
  await sql`
    create function advance_claim_epoch(above bigint) returns void
    language plpgsql security definer set search_path = public as $body$
    begin
      alter sequence claim_epoch no cycle;
      perform setval('claim_epoch', above) from claim_epoch where last_value < above;
    end
    $body$`.execute(db);
  await sql`revoke all on function advance_claim_epoch(bigint) from public`.execute(db);

  // A key keeps its row when it is free again: the row holds the newest epoch and is the key's lock.
  await sql`
    create table claims (
      key text primary key,
      change_id text,
      epoch bigint not null,
      last_change_id text,
      claimed_at timestamptz
    )`.execute(db);
  await sql`create index claims_of_change on claims (change_id) where change_id is not null`.execute(db);
  await sql`create index claims_of_last_change on claims (last_change_id) where change_id is null`.execute(
    db,
  );

  await sql`
    create table host_shares (
      host text not null,
      change_id text not null,
      exclusive boolean not null,
      epoch bigint not null,
      claimed_at timestamptz not null default now(),
      primary key (host, change_id)
    )`.execute(db);
  await sql`create index host_shares_of_change on host_shares (change_id)`.execute(db);

  await sql`
    create table waiting_line (
      ticket bigint generated always as identity primary key,
      change_id text not null unique,
      keys text[] not null,
      host text,
      exclusive boolean not null default false,
      since timestamptz not null default clock_timestamp(),
      first_until timestamptz not null
    )`.execute(db);
  await sql`create index waiting_line_keys on waiting_line using gin (keys)`.execute(db);

  await sql`
    create table quarantines (
      key text primary key,
      change_id text not null,
      why text not null,
      since timestamptz not null default clock_timestamp()
    )`.execute(db);

  await sql`
    create table origins (
      host text not null,
      address text not null,
      change_id text not null,
      origin json not null,
      stored_at timestamptz not null default clock_timestamp(),
      primary key (host, address)
    )`.execute(db);

  await sql`
    create table site_holds (
      site text primary key,
      held_by json not null,
      reason text not null,
      since timestamptz not null
    )`.execute(db);
}
