import type { Fact } from '../domain/act.js';
import type { Db } from './database.js';

export interface EvidenceRecord {
  changeId: string;
  round: number;
  moment: 'before' | 'after';
  facts: Fact[];
  /** sha-256 of the canonical JSON of the facts as stored; the audit event `evidence.stored` holds it too. */
  digest: string;
  at: string;
}

/** Of `before` the first one stays (a retry must not overwrite it with a half-state), of `after` the newest. */
export function storeEvidence(_db: Db, _evidence: Omit<EvidenceRecord, 'digest'>): Promise<{ digest: string }> {
  throw new Error('not written yet');
}

/** Round by round, `before` first. */
export function getEvidence(_db: Db, _changeId: string): Promise<EvidenceRecord[]> {
  throw new Error('not written yet');
}

/** The workflow's whole history, since Temporal deletes it; one for each run. Audit event `history.stored`. */
export function storeHistory(_db: Db, _changeId: string, _sha256: string, _json: string): Promise<void> {
  throw new Error('not written yet');
}

export function getHistories(_db: Db, _changeId: string): Promise<{ sha256: string; json: string; storedAt: string }[]> {
  throw new Error('not written yet');
}
