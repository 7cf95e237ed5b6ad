import type { JobsOptions } from 'bullmq';

/**
 * BullMQ carries only what may be lost and derived again from the register: sweeps. No state of a change
 * depends on a job.
 */
export const QueueName = {
  scans: 'scans',
  histories: 'histories',
  checkpoints: 'checkpoints',
  reconciliations: 'reconciliations',
} as const;
export type QueueName = (typeof QueueName)[keyof typeof QueueName];

/** Look at one host, for the inventory. */
export interface ScanJob {
  host: string;
  site: string;
}

/** Export the full history of every closed change that has none yet, before Temporal's retention deletes it. */
export type HistoriesJob = Record<string, never>;

/** Sign the heads of all audit chains that grew since the checkpoint before. */
export type CheckpointsJob = Record<string, never>;

/** Compare register, live workflows and guards. */
export type ReconciliationsJob = Record<string, never>;

export const jobOptions: JobsOptions = { attempts: 1, removeOnComplete: 20, removeOnFail: 50 };

export const scanEveryMs = 5 * 60_000;
export const exportHistoriesEveryMs = 30_000;
export const checkpointEveryMs = 5 * 60_000;
export const reconcileEveryMs = 60_000;
