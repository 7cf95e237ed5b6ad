import type { Identity } from '../domain/change.js';
import type { Db } from './database.js';

/**
 * Nobody but this change may claim these keys until a person says so. Audit event `quarantine.set` on the change.
 * A key that is in quarantine already stays as it is.
 */
export function quarantineDevices(_db: Db, _changeId: string, _keys: string[], _why: string): Promise<void> {
  throw new Error('not written yet');
}

/**
 * Lifts the quarantine of these keys; `by` is the operator, or null when the change itself proved the device whole again.
 * Audit event `quarantine.released` on the change that had set it. Returns who waits in line for them, oldest first.
 */
export function releaseQuarantine(_db: Db, _keys: string[], _by: Identity | null, _reason: string): Promise<string[]> {
  throw new Error('not written yet');
}
