import { processEnvironment, readMigratorEnv } from '../config/env.js';
import { migrateRegister } from './migrate.js';
import { prepareNamespace } from './temporal.js';

/** What the supervisor does for the embedded stack, for servers that run apart: schema, queues, search attributes. */
try {
  const applied = await migrateRegister(readMigratorEnv().databaseUrl);
  process.stdout.write(`register: ${applied.length > 0 ? `applied ${applied.join(', ')}` : 'up to date'}\n`);
  const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace = 'default' } = processEnvironment();
  if (address !== undefined) {
    await prepareNamespace(address, namespace, { setRetention: false });
    process.stdout.write(`Temporal: namespace ${namespace} knows our search attributes\n`);
  }
} catch (error) {
  process.stderr.write(`migrate: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
