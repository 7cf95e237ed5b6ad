import { sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { readMigratorEnv } from '../config/env.js';
import { openRegister, type Db, fromRegister } from './database.js';
import { grantApp } from './grants.js';
import { migrations } from './migrations/index.js';

export interface MigrateOptions {
  /** The role that api and worker log in as, or are members of; `slipway_app` unless told. Made if missing, without login. */
  appRole?: string;
}

/**
 * Brings the schema up to date under an advisory lock and grants the app role what it may do. Returns the names of
 * what was applied: none when it was up to date. Throws `register-down`, or an error that names the migration that failed.
 */
export async function migrate(migratorUrl: string, options: MigrateOptions = {}): Promise<string[]> {
  const register = openRegister(migratorUrl, {
    connections: 2,
    applicationName: 'slipway-migrate',
    patienceMs: 300_000,
  });
  try {
    await fromRegister(register.db, (db) => sql`select 1`.execute(db));
    const applied = await applyAll(register.db);
    await grantApp(register.db, options.appRole ?? 'slipway_app');
    return applied;
  } finally {
    await register.close();
  }
}

async function applyAll(db: Db): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error) {
    const failed =
      results.find((result) => result.status === 'Error')?.migrationName ?? 'the list of migrations';
    const why = error instanceof Error ? error.message : JSON.stringify(error);
    throw new Error(`the register could not be migrated: ${failed}: ${why}`, { cause: error });
  }
  return results.map((result) => result.migrationName);
}

if (import.meta.main) {
  const applied = await migrate(readMigratorEnv().databaseUrl);
  process.stdout.write(
    `${applied.length > 0 ? `applied ${applied.join(', ')}` : 'the register is up to date'}\n`,
  );
}
