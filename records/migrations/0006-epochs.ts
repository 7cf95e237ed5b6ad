import { type Kysely, sql } from 'kysely';

/** The one way to move the epochs by hand: forward. The app's role may call it and can't set the sequence itself. */
export async function up(db: Kysely<never>): Promise<void> {
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
}
