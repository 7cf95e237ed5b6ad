import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type BeforeApplicationShutdown, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import type { WorkerEnv } from '../config/env.js';
import { coreActivities, type Dependencies, siteActivities } from '../activities/index.js';
import type { Reconciliation } from './reconciliation.js';
import { siteQueue, workflowQueue } from '../workflows/contract.js';

/** What the workers are told besides what they do; the benchmark tells its bare workflows' workers the same. */
export const workerOptions = {
  every: { shutdownGraceTime: 5_000 },
  // How long a workflow waits for a worker that is gone before any other may take it over.
  core: { stickyQueueScheduleToStartTimeout: '2 seconds' },
  // Hosts take one act at a time per key; more than this at once only queues up behind the guard's locks.
  site: { maxConcurrentActivityTaskExecutions: 20 },
} as const;

/** The Temporal workers of this process: one for workflows and the register, one for each site it serves. */
export class TemporalWorkers implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger('TemporalWorkers');
  private connection: NativeConnection | undefined;
  private workers: Worker[] = [];
  private runs: Promise<void>[] = [];

  constructor(
    private readonly env: WorkerEnv,
    private readonly dependencies: Dependencies,
    private readonly sites: readonly string[],
    private readonly reconciliation: Reconciliation,
    /** A worker that ended by itself can't be healed from inside: the process ends and is started again. */
    private readonly fatal: (error: unknown) => void,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.connection = await NativeConnection.connect({ address: this.env.temporal.address });
    const { namespace } = this.env.temporal;
    await this.reconciliation.run(new Client({ connection: this.connection, namespace }));
    const shared = {
      connection: this.connection,
      namespace,
      ...workerOptions.every,
    };
    const core = {
      ...shared,
      ...workflowCode(),
      taskQueue: workflowQueue,
      ...workerOptions.core,
      activities: coreActivities(this.dependencies),
    };
    const activities = siteActivities(this.dependencies);
    const sites = this.sites.map((site): WorkerOptions => ({
      ...shared,
      taskQueue: siteQueue(site),
      activities,
      ...workerOptions.site,
    }));
    this.workers = await Promise.all([core, ...sites].map((options) => Worker.create(options)));
    this.runs = this.workers.map((worker) => worker.run());
    for (const run of this.runs) run.catch(this.fatal);
    this.log.log(`serving ${[workflowQueue, ...this.sites.map(siteQueue)].join(', ')}`);
  }

  get healthy(): boolean {
    return this.workers.length > 0 && this.workers.every((worker) => worker.getState() === 'RUNNING');
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const worker of this.workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await Promise.allSettled(this.runs);
    await this.connection?.close();
  }
}

/** The bundle made at build time; from source, as in tests, the workflows are bundled when the worker starts. */
function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const bundle = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  if (existsSync(bundle)) return { workflowBundle: { codePath: bundle } };
  const compiled = fileURLToPath(new URL('../workflows/index.js', import.meta.url));
  return { workflowsPath: existsSync(compiled) ? compiled : compiled.replace(/\.js$/, '.ts') };
}
