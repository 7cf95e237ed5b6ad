import type { Plan } from '../domain/plan.js';
import { RecordConflict } from './conflict.js';
import { type Db, fromRegister } from './database.js';
import { document } from './documents.js';

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
export async function storePlan(db: Db, stored: Omit<StoredPlan, 'storedAt'>): Promise<void> {
  const { changeId, round, planHash, plan, material } = stored;
  const written = await fromRegister(db, (handle) =>
    handle
      .insertInto('plans')
      .values({
        change_id: changeId,
        round,
        plan_hash: planHash,
        plan: document(plan),
        material: document(material),
      })
      .onConflict((conflict) => conflict.columns(['change_id', 'round']).doNothing())
      .executeTakeFirst(),
  );
  if (written.numInsertedOrUpdatedRows === 1n) return;
  const existing = await fromRegister(db, (handle) =>
    handle
      .selectFrom('plans')
      .select('plan_hash')
      .where('change_id', '=', changeId)
      .where('round', '=', round)
      .executeTakeFirstOrThrow(),
  );
  if (existing.plan_hash !== planHash) {
    throw new RecordConflict('plan', `${planHash} of change ${changeId} round ${round}`, existing.plan_hash);
  }
}

/** The newest plan of the change, or the newest with this hash. */
export async function getPlan(db: Db, changeId: string, planHash?: string): Promise<StoredPlan | null> {
  const row = await fromRegister(db, (handle) =>
    handle
      .selectFrom('plans')
      .selectAll()
      .where('change_id', '=', changeId)
      .$if(planHash !== undefined, (plans) => plans.where('plan_hash', '=', planHash!))
      .orderBy('round', 'desc')
      .limit(1)
      .executeTakeFirst(),
  );
  if (!row) return null;
  const { round, plan_hash, plan, material, stored_at } = row;
  return { changeId, round, planHash: plan_hash, plan, material, storedAt: stored_at };
}
