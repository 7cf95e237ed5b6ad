import { sql } from 'kysely';
import type { Origin } from '../domain/origin.js';
import { type Db, fromRegister } from './database.js';
import { document } from './documents.js';

/** Before the first act of an attach. `host` is the host's identity. A later attach of the same device replaces it. */
export async function storeOrigins(db: Db, host: string, origins: Origin[]): Promise<void> {
  if (origins.length === 0) return;
  const rows = origins.map((origin) => ({
    host,
    address: origin.address,
    change_id: origin.changeId,
    origin: document(origin),
  }));
  await fromRegister(db, (handle) =>
    handle
      .insertInto('origins')
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .columns(['host', 'address'])
          .doUpdateSet((row) => ({
            change_id: row.ref('excluded.change_id'),
            origin: row.ref('excluded.origin'),
            stored_at: sql<string>`clock_timestamp()`,
          }))
          // The first record of a change was made before its first act; a repetition may see what the act has changed.
          .whereRef('origins.change_id', '<>', 'excluded.change_id'),
      )
      .execute(),
  );
}

export async function originsOn(db: Db, host: string, addresses: string[]): Promise<Origin[]> {
  const rows = await fromRegister(db, (handle) =>
    handle
      .selectFrom('origins')
      .select('origin')
      .where('host', '=', host)
      .where('address', '=', sql<string>`any(${addresses}::text[])`)
      .orderBy('address')
      .execute(),
  );
  return rows.map((row) => row.origin);
}

/** When a return is proven, or an attach undone: then with `changeId`, so that only its own are forgotten. */
export async function forgetOrigins(
  db: Db,
  host: string,
  addresses: string[],
  changeId?: string,
): Promise<void> {
  await fromRegister(db, (handle) =>
    handle
      .deleteFrom('origins')
      .where('host', '=', host)
      .where('address', '=', sql<string>`any(${addresses}::text[])`)
      .$if(changeId !== undefined, (own) => own.where('change_id', '=', changeId!))
      .execute(),
  );
}
