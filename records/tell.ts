import type { AuditEvent } from '../domain/audit.js';
import { appendAudit } from './audit.js';
import { inRegister, type Trx } from './database.js';
import { document, utc } from './documents.js';

/** Adds events to a change's chain and puts them into the outbox: for what the outside is told too. Repeating it is harmless. */
export async function tell(trx: Trx, events: AuditEvent[]): Promise<void> {
  await inRegister(trx, async (db) => {
    const fresh = await appendAudit(db, events);
    if (fresh.length === 0) return;
    await db
      .insertInto('outbox')
      .values(
        fresh.map((event) => ({
          change_id: event.changeId,
          key: event.key,
          kind: event.kind,
          at: utc(event.at),
          actor: event.actor,
          data: document(event.data),
          leased_until: null,
          delivered_at: null,
        })),
      )
      .onConflict((conflict) => conflict.columns(['change_id', 'key']).doNothing())
      .execute();
  });
}
