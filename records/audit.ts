import { type RawBuilder, sql } from 'kysely';
import type { AuditEvent, ChainedEvent } from '../domain/audit.js';
import { canonicalJson } from '../domain/canonical.js';
import type { Identity } from '../domain/change.js';
import { failure, SlipwayError } from '../domain/failures.js';
import { readCursor, writeCursor } from './cursor.js';
import { type Db, fromRegister } from './database.js';
import { document, plain, utc } from './documents.js';

export const eventsChannel = 'slipway_events';

/** How an identity is written as the actor of an event: `<issuer>#<subject>`. */
export function actorOf(identity: Identity): string {
  return `${identity.issuer}#${identity.subject}`;
}

/** The actor of what the workflow does by itself. */
export const slipwayActor = 'slipway';

/**
 * Adds an event (or several of one change) to its chain. The database gives the sequence under the chain's lock; an event
 * whose key is there already is left out. Listeners of `slipway_events` get `{"changeId", "sequence"}` at commit.
 * `changeId` is a change's id, or `site/<id>` for what concerns a whole site. Returns how many events were new.
 */
export async function appendAudit(db: Db, events: AuditEvent | AuditEvent[]): Promise<number> {
  const appended = await fromRegister(db, (handle) =>
    handle.selectNoFrom(appending(events).as('fresh')).executeTakeFirstOrThrow(),
  );
  return appended.fresh;
}

/** Like `appendAudit`; the events also go into the outbox: for what the outside is told too. */
export async function tell(db: Db, events: AuditEvent | AuditEvent[]): Promise<number> {
  const told = await fromRegister(db, (handle) =>
    handle.selectNoFrom(telling(events).as('fresh')).executeTakeFirstOrThrow(),
  );
  return told.fresh;
}

/** `appendAudit` as an expression, so that a statement that changes something also says so in the record. */
export function appending(events: AuditEvent | AuditEvent[]): RawBuilder<number> {
  return append(Array.isArray(events) ? events : [events], false);
}

/** `tell` as an expression. */
export function telling(events: AuditEvent | AuditEvent[]): RawBuilder<number> {
  return append(Array.isArray(events) ? events : [events], true);
}

function append(events: AuditEvent[], told: boolean): RawBuilder<number> {
  const chain = events[0]?.changeId;
  if (chain === undefined) return sql<number>`0`;
  const whole = events.map((event) => ({ ...plain(event), at: utc(event.at) }));
  const column = (name: 'key' | 'at' | 'actor' | 'kind'): string[] => whole.map((event) => event[name]);
  return sql<number>`append_audit(${chain}, ${column('key')}::text[], ${column('at')}::timestamptz[],
    ${column('actor')}::text[], ${column('kind')}::text[], ${whole.map((event) => document(event.data))}::text[],
    ${whole.map(textBeforeChain)}::text[], ${told}::boolean)`;
}

/** `linkText` up to the members `previous` and `sequence`, which the database adds under the chain's lock. */
function textBeforeChain({ changeId, key, at, actor, kind, data }: AuditEvent): string {
  return canonicalJson({ changeId, key, at, actor, kind, data }).replace(/\}$/, ',');
}

/**
 * Events of one chain after a sequence number, or without `changeId` those of all chains in the order of time, then
 * `after` is the `next` of the page before. A late event of another change may appear behind a page already read.
 */
export async function auditEvents(
  db: Db,
  query: { changeId?: string; after?: number | string; limit: number },
): Promise<{ items: ChainedEvent[]; next: string | null }> {
  const { changeId, after, limit } = query;
  const rows = await fromRegister(db, (handle) => {
    const events = handle
      .selectFrom('audit_events')
      .selectAll()
      .limit(limit + 1);
    if (changeId !== undefined) {
      const from = afterSequence(after);
      return events
        .where('change_id', '=', changeId)
        .where('sequence', '>', from)
        .orderBy('sequence')
        .execute();
    }
    const place = after === undefined ? null : readCursor(String(after), ['time', 'text', 'number']);
    return events
      .$if(place !== null, (some) =>
        some.where(sql<boolean>`(at, change_id, sequence) > (${sql.join(place ?? [])})`),
      )
      .orderBy('at')
      .orderBy('change_id')
      .orderBy('sequence')
      .execute();
  });
  const items = rows.slice(0, limit).map(asChained);
  const last = items.at(-1);
  if (!last || rows.length <= limit) return { items, next: null };
  return {
    items,
    next:
      changeId !== undefined ? String(last.sequence) : writeCursor([last.at, last.changeId, last.sequence]),
  };
}

function afterSequence(after: number | string | undefined): number {
  const sequence = Number(after ?? 0);
  if (Number.isSafeInteger(sequence)) return sequence;
  const parts = { where: { field: 'after' }, expected: 'the sequence of an event', actual: String(after) };
  throw new SlipwayError(failure('request-invalid', parts));
}

/** A row of the table as the event it holds. */
export function asChained(row: { change_id: string } & Omit<ChainedEvent, 'changeId'>): ChainedEvent {
  const { change_id: changeId, sequence, key, at, actor, kind, data, previous, hash } = row;
  return { changeId, sequence, key, at, actor, kind, data, previous, hash };
}
