import type { KeyObject } from 'node:crypto';
import type { AuditExport, SignedCheckpoint } from '../domain/audit.js';
import type { Db } from './database.js';

/**
 * Signs (Ed25519) the heads of all chains that grew since the last checkpoint, chained to it by digest.
 * Null if nothing grew. Meant to be stored elsewhere too: only that protects the tail.
 */
export function writeCheckpoint(_db: Db, _privateKey: KeyObject, _at: string): Promise<SignedCheckpoint | null> {
  throw new Error('not written yet');
}

/** Everything `verifyExport` of the domain needs to judge one change's chain, or all of them. */
export function exportAudit(_db: Db, _changeId?: string): Promise<AuditExport> {
  throw new Error('not written yet');
}
