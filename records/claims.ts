import type { Db } from './database.js';

export interface ClaimWish {
  changeId: string;
  /** As `claimKeys` of the domain makes them. */
  keys: string[];
  /** A share of the host: many may share it, an exclusive one (for a reboot) stands alone. */
  hostShare?: { host: string; exclusive: boolean };
}

export type ClaimAnswer =
  | { granted: true; epoch: number }
  | {
      granted: false;
      /** Who has it or stands before us in the line; the host's share appears as `host/…`. */
      heldBy: { key: string; changeId: string }[];
      /** Keys in quarantine by another change: they put nobody in line, an operator must release them first. */
      quarantined: { key: string; changeId: string; why: string }[];
    };

export interface ClaimRecord {
  key: string;
  changeId: string;
  epoch: number;
  claimedAt: string;
}

/**
 * All or nothing. Granted: the epoch that covers all keys; the same change asking again gets the same epoch.
 * Refused: the change now stands in the waiting line, in which an older one that could be granted goes first.
 * Audit event `claim.granted`.
 */
export function claim(_db: Db, _wish: ClaimWish): Promise<ClaimAnswer> {
  throw new Error('not written yet');
}

/** Gives all claims of the change a new epoch: whoever acts with the old one is refused. Throws `stale-epoch` if it holds none. */
export function raiseEpoch(_db: Db, _changeId: string): Promise<number> {
  throw new Error('not written yet');
}

/**
 * Raises the epoch and frees everything the change holds. `wake`: the changes in line for any of it, oldest first.
 * Repeating it frees nothing more and returns who still waits; `epoch` is then null. Quarantines stay.
 */
export function releaseClaims(_db: Db, _changeId: string): Promise<{ epoch: number | null; wake: string[] }> {
  throw new Error('not written yet');
}

/** Takes the change out of the line; returns those behind it that it may have kept waiting, oldest first. */
export function leaveLine(_db: Db, _changeId: string): Promise<string[]> {
  throw new Error('not written yet');
}

/** Everything that is held now, or only what one change holds. */
export function listClaims(_db: Db, _changeId?: string): Promise<ClaimRecord[]> {
  throw new Error('not written yet');
}

/** The newest epoch given out; the hosts' guards must never know a higher one. */
export function newestEpoch(_db: Db): Promise<number> {
  throw new Error('not written yet');
}
