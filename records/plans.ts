import type { Plan } from '../domain/plan.js';
import { type Db, fromRegister } from './database.js';
import { document } from './documents.js';

export interface StoredPlan {
  changeId: string;
  /** In which it was first made. */
  round: number;
  planHash: string;
  plan: Plan;
  /** What the hash was made of (`planMaterial`). */
  material: unknown;
  storedAt: string;
}

/** Stores what may be reviewed. A plan is known by its hash: planned again in whatever round, it is the same one. */
export async function storePlan(db: Db, stored: Omit<StoredPlan, 'storedAt'>): Promise<void> {
  const { changeId, round, planHash, plan, material } = stored;
  await fromRegister(db, (handle) =>
    handle
      .insertInto('plans')
      .values({
        change_id: changeId,
        round,
        plan_hash: planHash,
        plan: document(plan),
        material: document(material),
      })
      .onConflict((conflict) => conflict.columns(['change_id', 'plan_hash']).doNothing())
      .execute(),
  );
}

export async function getPlan(db: Db, changeId: string, planHash: string): Promise<StoredPlan | null> {
  const row = await fromRegister(db, (handle) =>
    handle
      .selectFrom('plans')
      .selectAll()
      .where('change_id', '=', changeId)
      .where('plan_hash', '=', planHash)
      .executeTakeFirst(),
  );
  if (!row) return null;
  const { round, plan, material, stored_at } = row;
  return { changeId, round, planHash, plan, material, storedAt: stored_at };
}
