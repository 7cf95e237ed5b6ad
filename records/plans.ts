import type { Plan } from '../domain/plan.js';
import type { Db } from './database.js';

export interface StoredPlan {
  changeId: string;
  round: number;
  planHash: string;
  plan: Plan;
  /** What the hash was made of (`planMaterial`). */
  material: unknown;
  storedAt: string;
}

/** Stores the plan of a round. Again with the same hash: nothing happens; with another one: throws `RecordConflict`. */
export function storePlan(_db: Db, _plan: Omit<StoredPlan, 'storedAt'>): Promise<void> {
  throw new Error('not written yet');
}

/** The newest plan of the change, or the newest with this hash. */
export function getPlan(_db: Db, _changeId: string, _planHash?: string): Promise<StoredPlan | null> {
  throw new Error('not written yet');
}
