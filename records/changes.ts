import type { Insertable } from 'kysely';
import type { AuditEvent } from '../domain/audit.js';
import type { ChangeRequest, Identity } from '../domain/change.js';
import { normalAddress } from '../domain/device.js';
import { actorOf, telling } from './audit.js';
import { asChange, type ChangeRecord } from './change-record.js';
import { RecordConflict } from './conflict.js';
import { type Db, fromRegister } from './database.js';
import { document, utc } from './documents.js';
import type { Tables } from './schema.js';

export type { ChangeRecord } from './change-record.js';
export { listChanges } from './change-list.js';

export interface NewChange {
  id: string;
  request: ChangeRequest;
  requester: Identity;
  requesterName: string;
  /** Everybody who shaped the request besides the requester; none of them may review. */
  editors: Identity[];
  idempotencyKey?: string;
  /** Digest of the request as it was sent: tells a repetition from another request with the same key. */
  requestHash: string;
  at: string;
}

/**
 * Stores a change with its audit event `change.requested` and its outbox row in one transaction. The same
 * requester with the same idempotency key (or the same id) and the same hash gets what is there (`created: false`);
 * with another hash: throws `RecordConflict`.
 */
export async function createChange(
  db: Db,
  change: NewChange,
): Promise<{ change: ChangeRecord; created: boolean }> {
  const row = await fromRegister(db, (handle) =>
    handle
      .with('written', (cte) =>
        cte
          .insertInto('changes')
          .values(rowOf(change))
          .onConflict((conflict) => conflict.doNothing())
          .returningAll(),
      )
      .selectFrom('written')
      .selectAll()
      .select(telling(requested(change)).as('told'))
      .executeTakeFirst(),
  );
  if (row) return { change: asChange(row), created: true };
  return { change: await sameChange(db, change), created: false };
}

function requested({ id: changeId, at, requester, request, requestHash, editors }: NewChange): AuditEvent {
  const kind = 'change.requested';
  const data = { request, requestHash, editors: editors.map(actorOf) };
  return { changeId, key: kind, at, actor: actorOf(requester), kind, data };
}

function rowOf(change: NewChange): Insertable<Tables['changes']> {
  const { request } = change;
  return {
    id: change.id,
    request: document(request),
    request_hash: change.requestHash,
    idempotency_key: change.idempotencyKey ?? null,
    requester_issuer: change.requester.issuer,
    requester_subject: change.requester.subject,
    requester_name: change.requesterName,
    editors: document(change.editors),
    action: request.action,
    site: request.site,
    host: request.host,
    vm: request.vm,
    devices: request.devices.map((device) => normalAddress(device.address)),
    state: 'inspecting',
    round: 0,
    missing: '[]',
    clocks: '{}',
    failures: '[]',
    sequence: 0,
    created_at: utc(change.at),
    updated_at: utc(change.at),
  };
}

/** What stands in the way of an insert: the same request sent before, or something else under the same key. */
async function sameChange(db: Db, change: NewChange): Promise<ChangeRecord> {
  const { id, idempotencyKey, requester } = change;
  const rows = await fromRegister(db, (handle) =>
    handle
      .selectFrom('changes')
      .selectAll()
      .where((row) =>
        row.or([
          row('id', '=', id),
          ...(idempotencyKey === undefined
            ? []
            : [
                row.and({
                  requester_issuer: requester.issuer,
                  requester_subject: requester.subject,
                  idempotency_key: idempotencyKey,
                }),
              ]),
        ]),
      )
      .execute(),
  );
  const byKey = rows.find(
    (row) =>
      idempotencyKey !== undefined &&
      row.idempotency_key === idempotencyKey &&
      row.requester_subject === requester.subject,
  );
  const existing = byKey ?? rows[0]!;
  if (existing.request_hash === change.requestHash) return asChange(existing);
  if (byKey) throw new RecordConflict('idempotency key', idempotencyKey!, existing.id);
  throw new RecordConflict('change', id, existing.id);
}

/** Notes that the workflow was started; repeating it keeps the first time. */
export async function markStarted(db: Db, id: string, at: string): Promise<void> {
  await fromRegister(db, (handle) =>
    handle
      .updateTable('changes')
      .set((row) => ({ started_at: utc(at), version: row('version', '+', 1) }))
      .where('id', '=', id)
      .where('started_at', 'is', null)
      .execute(),
  );
}

/** Changes whose workflow nobody is known to have started, oldest first: the relay starts them (again, harmlessly). */
export async function unstartedChanges(db: Db, limit = 50): Promise<ChangeRecord[]> {
  const rows = await fromRegister(db, (handle) =>
    handle
      .selectFrom('changes')
      .selectAll()
      .where('started_at', 'is', null)
      .orderBy('created_at')
      .limit(limit)
      .execute(),
  );
  return rows.map(asChange);
}

export async function getChange(db: Db, id: string): Promise<ChangeRecord | null> {
  const row = await fromRegister(db, (handle) =>
    handle.selectFrom('changes').selectAll().where('id', '=', id).executeTakeFirst(),
  );
  return row ? asChange(row) : null;
}
