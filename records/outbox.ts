import type { Db } from './database.js';

/** One thing to be told to the outside; `changeId` and `key` together are the idempotency key of its delivery. */
export interface OutboxRow {
  id: number;
  changeId: string;
  key: string;
  kind: string;
  at: string;
  actor: string;
  data: Record<string, unknown>;
  /** How often it was handed out, this time included. */
  attempts: number;
}

/** Hands out undelivered rows, oldest first; nobody else gets them until `leaseSeconds` (60) are over. */
export function nextOutbox(_db: Db, _options: { limit: number; leaseSeconds?: number }): Promise<OutboxRow[]> {
  throw new Error('not written yet');
}

export function markDelivered(_db: Db, _ids: number[]): Promise<void> {
  throw new Error('not written yet');
}
