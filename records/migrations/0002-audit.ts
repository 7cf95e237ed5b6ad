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

/**
 * Adds events to a chain in one round trip and returns how many were new. The chain's lock comes first: only what is
 * read after it is certain to be the whole chain. `texts` holds each event's canonical JSON up to the two members that
 * only the chain can give, `previous` and `sequence`, which RFC 8785 puts last. `told` also puts the events into the outbox.
 */
const appendAudit = `
  create function append_audit(chain text, keys text[], times timestamptz[], actors text[], kinds text[],
    documents text[], texts text[], told boolean) returns bigint language plpgsql as $$
  declare
    head audit_heads;
    event record;
    before bigint;
    previous text;
  begin
    insert into audit_heads (change_id, sequence, hash) values (chain, 0, repeat('0', 64))
    on conflict (change_id) do update set change_id = excluded.change_id
    returning * into head;
    before := head.sequence;
    for event in
      select * from unnest(keys, times, actors, kinds, documents, texts)
        with ordinality as one (key, at, actor, kind, document, text, place)
      order by place
    loop
      continue when exists (select from audit_events as known where known.change_id = chain and known.key = event.key);
      previous := head.hash;
      head.sequence := head.sequence + 1;
      head.hash := encode(sha256(convert_to(
        event.text || '"previous":"' || previous || '","sequence":' || head.sequence || '}', 'UTF8')), 'hex');
      insert into audit_events (change_id, sequence, key, at, actor, kind, data, previous, hash)
      values (chain, head.sequence, event.key, event.at, event.actor, event.kind, event.document::json, previous, head.hash);
      if told then
        insert into outbox (change_id, key, kind, at, actor, data)
        values (chain, event.key, event.kind, event.at, event.actor, event.document::json)
        on conflict (change_id, key) do nothing;
      end if;
    end loop;
    if head.sequence > before then
      update audit_heads set sequence = head.sequence, hash = head.hash where change_id = chain;
      perform pg_notify('slipway_events', json_build_object('changeId', chain, 'sequence', head.sequence)::text);
    end if;
    return head.sequence - before;
  end $$`;

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

  await sql.raw(appendAudit).execute(db);

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
