import { sql } from 'kysely';
import { type AuditEvent, type ChainedEvent, genesis, linkText } from '../domain/audit.js';
import type { Identity } from '../domain/change.js';
import { failure, SlipwayError } from '../domain/failures.js';
import { readCursor, writeCursor } from './cursor.js';
import { type Db, fromRegister, inRegister, type Trx } from './database.js';
import { document, plain, sha256, utc } from './documents.js';

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
 * `changeId` is a change's id, or `site/<id>` for what concerns a whole site. Returns the events that were new.
 */
export async function appendAudit(trx: Trx, events: AuditEvent | AuditEvent[]): Promise<ChainedEvent[]> {
  const wanted = Array.isArray(events) ? events : [events];
  const changeId = wanted[0]?.changeId;
  if (changeId === undefined) return [];
  return inRegister(trx, async (db) => {
    // The lock comes first: only what is read after it is certain to be the whole chain.
    const head = await lockChain(db, changeId);
    const known = new Set(await keysAmong(db, changeId, wanted));
    const fresh = wanted.filter((event) => !known.has(event.key) && known.add(event.key));
    const links = chain(fresh, head);
    if (links.length > 0) await writeLinks(db, links);
    return links;
  });
}

async function lockChain(db: Db, changeId: string): Promise<{ sequence: number; hash: string }> {
  return db
    .insertInto('audit_heads')
    .values({ change_id: changeId, sequence: 0, hash: genesis })
    .onConflict((conflict) => conflict.column('change_id').doUpdateSet({ change_id: changeId }))
    .returning(['sequence', 'hash'])
    .executeTakeFirstOrThrow();
}

async function keysAmong(db: Db, changeId: string, events: readonly AuditEvent[]): Promise<string[]> {
  const keys = events.map((event) => event.key);
  const rows = await db
    .selectFrom('audit_events')
    .select('key')
    .where('change_id', '=', changeId)
    .where('key', '=', sql<string>`any(${keys}::text[])`)
    .execute();
  return rows.map((row) => row.key);
}

function chain(events: readonly AuditEvent[], head: { sequence: number; hash: string }): ChainedEvent[] {
  const links: ChainedEvent[] = [];
  let { sequence, hash: previous } = head;
  for (const { changeId, key, at, actor, kind, data } of events) {
    sequence += 1;
    const link = { ...plain({ changeId, key, actor, kind, data }), at: utc(at), sequence, previous };
    previous = sha256(linkText(link));
    links.push({ ...link, hash: previous });
  }
  return links;
}

/** Events, the chain's new head and the notice to listeners, in one round trip. */
async function writeLinks(db: Db, links: readonly ChainedEvent[]): Promise<void> {
  const { changeId, sequence, hash } = links.at(-1)!;
  await db
    .with('written', (cte) =>
      cte.insertInto('audit_events').values(
        links.map((link) => ({
          change_id: link.changeId,
          sequence: link.sequence,
          key: link.key,
          at: link.at,
          actor: link.actor,
          kind: link.kind,
          data: document(link.data),
          previous: link.previous,
          hash: link.hash,
        })),
      ),
    )
    .with('moved', (cte) =>
      cte.updateTable('audit_heads').set({ sequence, hash }).where('change_id', '=', changeId),
    )
    .selectNoFrom(sql`pg_notify(${eventsChannel}, ${JSON.stringify({ changeId, sequence })})`.as('told'))
    .execute();
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
