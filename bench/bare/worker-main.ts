import { fileURLToPath } from 'node:url';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { coreActivities, siteActivities } from '../../activities/index.js';
import { readWorkerEnv } from '../../config/env.js';
import { readEstate } from '../../config/estate.js';
import { openRegister } from '../../records/database.js';
import { Hosts } from '../../worker/hosts.js';
import { workerOptions } from '../../worker/temporal-worker.js';
import { dependenciesOf } from '../../worker/worker.module.js';
import { siteQueue } from '../../workflows/contract.js';
import { bareQueue, bareSite } from './contract.js';

/** The bare workflows' worker: the product's activities, environment and worker options, and nothing else of it. */
async function main(): Promise<void> {
  const env = readWorkerEnv();
  Runtime.install({ shutdownSignals: [] });
  const hosts = new Hosts(readEstate(env.estatePath), env.estatePath, env.sites);
  const register = openRegister(env.databaseUrl, { applicationName: 'slipway-bench' });
  const dependencies = dependenciesOf(env, register, hosts);
  const connection = await NativeConnection.connect({ address: env.temporal.address });
  const shared = { connection, namespace: env.temporal.namespace, ...workerOptions.every };
  const workers = await Promise.all([
    Worker.create({
      ...shared,
      ...workerOptions.core,
      workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)),
      taskQueue: bareQueue,
      activities: coreActivities(dependencies),
    }),
    Worker.create({
      ...shared,
      ...workerOptions.site,
      taskQueue: siteQueue(bareSite),
      activities: siteActivities(dependencies),
    }),
  ]);
  const runs = workers.map((worker) => worker.run());
  process.once('SIGTERM', () => workers.forEach((worker) => worker.shutdown()));
  process.send?.('ready');
  await Promise.all(runs);
  await Promise.all([connection.close(), hosts.close(), register.close()]);
  process.disconnect();
}

main().catch((error: unknown) => {
  process.stderr.write(
    `the bare worker: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
});
