import { type Kysely, sql } from 'kysely';

/** The last look at every host. What is no longer seen is marked gone, never deleted. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table hosts (
      id text primary key,
      site text not null,
      identity text not null,
      facts json not null,
      capabilities json not null,
      hash text not null,
      observed_at timestamptz not null,
      changed_at timestamptz not null
    )`.execute(db);
  await sql`
    create table devices (
      host text not null references hosts,
      address text not null,
      alias text,
      facts json not null,
      known_holder json,
      known_at timestamptz,
      hash text not null,
      gone_at timestamptz,
      changed_at timestamptz not null,
      primary key (host, address)
    )`.execute(db);
  await sql`
    create table vms (
      host text not null references hosts,
      uuid text not null,
      name text not null,
      facts json not null,
      hash text not null,
      gone_at timestamptz,
      changed_at timestamptz not null,
      primary key (host, uuid)
    )`.execute(db);
}
