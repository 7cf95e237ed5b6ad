import { createHash, type KeyObject } from 'node:crypto';
import { type BeforeApplicationShutdown, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { WorkerEnv } from '../config/env.js';
import { writeCheckpoint } from '../records/audit-export.js';
import { changesWithoutHistory, storeHistory } from '../records/evidence.js';
import { recordView } from '../records/inventory.js';
import type { Register } from '../records/database.js';
import {
  checkpointEveryMs,
  type CheckpointsJob,
  exportHistoriesEveryMs,
  type HistoriesJob,
  QueueName,
  type ReconciliationsJob,
  reconcileEveryMs,
  type ScanJob,
  scanEveryMs,
} from '../queues/contract.js';
import { openSweep, type SweepQueue } from '../queues/sweep-queue.js';
import { changeWorkflowId } from '../workflows/contract.js';
import type { Hosts } from './hosts.js';
import type { Reconciliation } from './reconciliation.js';

/**
 * What may be lost and is derived again: looking at hosts for the inventory, keeping the full history of closed
 * changes before Temporal's retention deletes it, and signing the heads of the audit chains.
 */
export class Sweeps implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger('Sweeps');
  private scans: SweepQueue<ScanJob> | undefined;
  private readonly opened: { close(): Promise<unknown> }[] = [];

  constructor(
    private readonly env: WorkerEnv,
    private readonly register: Register,
    private readonly hosts: Hosts,
    private readonly reconciliation: Reconciliation,
    private readonly checkpointKey: KeyObject,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const scans = this.open<ScanJob>(QueueName.scans, ({ host, site }) => this.scan(host, site));
    this.scans = scans;
    for (const served of this.hosts.served) await scans.every(`scan-${served.host}`, scanEveryMs, served);
    const histories = this.open<HistoriesJob>(QueueName.histories, () => this.exportHistories());
    await histories.every('export', exportHistoriesEveryMs, {});
    const checkpoints = this.open<CheckpointsJob>(QueueName.checkpoints, () => this.writeCheckpoint());
    await checkpoints.every('sign', checkpointEveryMs, {});
    const reconciliations = this.open<ReconciliationsJob>(QueueName.reconciliations, () =>
      this.withTemporal((client) => this.reconciliation.run(client)),
    );
    await reconciliations.every('compare', reconcileEveryMs, {});
  }

  /** So that the inventory shows what a change has just moved, and not what was there before. */
  scanSoon(host: string): void {
    const served = this.hosts.served.find((one) => one.host === host);
    if (!served || !this.scans) return;
    this.scans.soon(`soon-${host}`, served).catch((error: unknown) => this.log.warn(String(error)));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.allSettled(this.opened.map((queue) => queue.close()));
  }

  private open<Data extends object>(name: QueueName, work: (data: Data) => Promise<void>): SweepQueue<Data> {
    const queue = openSweep(this.env, name, work, (message) => this.log.warn(message));
    this.opened.push(queue);
    return queue;
  }

  private async scan(host: string, site: string): Promise<void> {
    const view = await this.hosts.hypervisorOf(host).inspect({ host });
    await recordView(
      this.register.db,
      host,
      site,
      view,
      new Date().toISOString(),
      this.hosts.aliasesOn(host),
    );
  }

  private async writeCheckpoint(): Promise<void> {
    await writeCheckpoint(this.register.db, this.checkpointKey, new Date().toISOString());
  }

  private async exportHistories(): Promise<void> {
    const changes = await changesWithoutHistory(this.register.db, 50);
    if (changes.length === 0) return;
    await this.withTemporal(async (client) => {
      for (const changeId of changes) {
        const history = await client.workflow.getHandle(changeWorkflowId(changeId)).fetchHistory();
        const json = historyToJSON(history);
        const text = typeof json === 'string' ? json : JSON.stringify(json);
        const sha256 = createHash('sha256').update(text).digest('hex');
        await storeHistory(this.register.db, changeId, sha256, text);
      }
    });
  }

  private async withTemporal(work: (client: Client) => Promise<void>): Promise<void> {
    const { address, namespace } = this.env.temporal;
    const connection = await Connection.connect({ address });
    try {
      await work(new Client({ connection, namespace }));
    } finally {
      await connection.close();
    }
  }
}
