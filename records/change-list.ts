import { type ExpressionBuilder, type ExpressionWrapper, sql, type SqlBool } from 'kysely';
import type { ChangeState, Identity } from '../domain/change.js';
import { normalAddress } from '../domain/device.js';
import { asChange, type ChangeRecord } from './change-record.js';
import { type Page, readCursor, writeCursor } from './cursor.js';
import { type Db, fromRegister } from './database.js';
import type { Tables } from './schema.js';

export interface ChangeFilter {
  state?: ChangeState;
  host?: string;
  vm?: string;
  requester?: Identity;
  /** An address in any spelling. */
  device?: string;
  /** The inbox of this person: awaiting review, not their own, not yet decided by them for the current plan. */
  awaitingReview?: Identity;
  /** `next` of the page before. Throws `request-invalid` for a cursor nobody gave out. */
  cursor?: string;
  limit: number;
}

type Where = ExpressionBuilder<Tables, 'changes'>;
type Condition = ExpressionWrapper<Tables, 'changes', SqlBool>;

/** Newest first; pages stay stable while changes are added. */
export async function listChanges(db: Db, filter: ChangeFilter): Promise<Page<ChangeRecord>> {
  const rows = await fromRegister(db, (handle) =>
    handle
      .selectFrom('changes')
      .selectAll()
      .where((where) => where.and(conditions(where, filter)))
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(filter.limit + 1)
      .execute(),
  );
  const items = rows.slice(0, filter.limit).map(asChange);
  const last = items.at(-1);
  return { items, next: last && rows.length > filter.limit ? writeCursor([last.createdAt, last.id]) : null };
}

function conditions(where: Where, filter: ChangeFilter): Condition[] {
  const { state, host, vm, requester, device, awaitingReview, cursor } = filter;
  const equal = { ...(state && { state }), ...(host && { host }), ...(vm && { vm }) };
  return [
    where.and(equal),
    ...(requester ? [isRequester(where, requester)] : []),
    ...(device ? [where('devices', '@>', sql<string[]>`array[${normalAddress(device)}]`)] : []),
    ...(awaitingReview
      ? [
          where('state', '=', 'awaiting-review'),
          where.not(isRequester(where, awaitingReview)),
          where.not(isEditor(where, awaitingReview)),
          where.not(hasDecided(where, awaitingReview)),
        ]
      : []),
    ...(cursor ? [isBefore(where, readCursor(cursor, ['time', 'text']))] : []),
  ];
}

function isRequester(where: Where, { issuer, subject }: Identity): Condition {
  return where.and({ requester_issuer: issuer, requester_subject: subject });
}

function isEditor(where: Where, person: Identity): Condition {
  const editors = JSON.stringify([{ issuer: person.issuer, subject: person.subject }]);
  return where.and([sql<SqlBool>`changes.editors::jsonb @> ${editors}::jsonb`]);
}

function hasDecided(where: Where, { issuer, subject }: Identity): Condition {
  return where.and([
    where.exists(
      where
        .selectFrom('reviews')
        .select('decision_id')
        .whereRef('reviews.change_id', '=', 'changes.id')
        .whereRef('reviews.plan_hash', '=', 'changes.plan_hash')
        .where('reviewer_issuer', '=', issuer)
        .where('reviewer_subject', '=', subject),
    ),
  ]);
}

function isBefore(where: Where, place: (string | number)[]): Condition {
  return where.and([sql<SqlBool>`(created_at, id) < (${sql.join(place)})`]);
}
