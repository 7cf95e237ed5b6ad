import { migrateQueues } from '../queues/sweep-queue.js';
import { migrate } from '../records/migrate.js';
import { StackError } from './failure.js';

/** Brings the register up to date; gives the names of the migrations that were applied. */
export async function migrateRegister(migratorUrl: string): Promise<readonly string[]> {
  try {
    const applied = await migrate(migratorUrl);
    await migrateQueues(migratorUrl);
    return applied;
  } catch (error) {
    throw new StackError(
      `the register could not be migrated: ${error instanceof Error ? error.message : String(error)}`,
      [
        'nothing was lost: each migration is applied whole or not at all',
        'mend what the message names and start again',
      ],
    );
  }
}
