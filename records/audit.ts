import type { AuditEvent, ChainedEvent } from '../domain/audit.js';
import type { Identity } from '../domain/change.js';
import type { Db, Trx } from './database.js';

export const eventsChannel = 'slipway_events';

/** How an identity is written as the actor of an event: `<issuer>#<subject>`. */
export function actorOf(identity: Identity): string {
  return `${identity.issuer}#${identity.subject}`;
}

/**
 * Adds an event (or several of one change) to its chain. The database gives the sequence under the chain's lock; an event
 * whose key is there already is left out. Listeners of `slipway_events` get `{"changeId", "sequence"}` at commit.
 * `changeId` is a change's id, or `site/<id>` for what concerns a whole site.
 */
export function appendAudit(_trx: Trx, _events: AuditEvent | AuditEvent[]): Promise<void> {
  throw new Error('not written yet');
}

/** Without `changeId`: the events of all chains, in the order of time; `after` then is the `next` of the page before. */
export function auditEvents(
  _db: Db,
  _query: { changeId?: string; after?: number | string; limit: number },
): Promise<{ items: ChainedEvent[]; next: string | null }> {
  throw new Error('not written yet');
}
