import { randomUUID } from 'node:crypto';
import { type Client, type WorkflowHandle } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import type { ChangeRequest, ChangeResult } from '../../domain/change.js';
import { findTemporalCli } from '../../scripts/setup/temporal.mjs';
import type { deviceChange } from '../../workflows/index.js';
import {
  changeWorkflowId,
  reviewUpdate,
  searchAttributeNames,
  siteQueue,
  workflowQueue,
  workflowTypes,
} from '../../workflows/contract.js';
import { workflowBundle } from '../support/workflow-driver-bundle.js';
import { quietRuntime } from '../support/workflow-driver-runtime.js';
import type { World } from '../support/workflow-driver-world.js';
import { inputOf } from './changes.js';

const { state, site, host, needsHuman } = searchAttributeNames;

/** The development server of the set-up, in memory and on a free port of loopback. */
export async function startServer(): Promise<TestWorkflowEnvironment> {
  quietRuntime();
  const { path } = (await findTemporalCli()) as { path: string };
  return TestWorkflowEnvironment.createLocal({
    client: { identity: 'api' },
    server: {
      executable: { type: 'existing-path', path },
      ip: '127.0.0.1',
      log: { format: 'pretty', level: 'error' },
      searchAttributes: [
        ...[state, site, host].map((name) => defineSearchAttributeKey(name, 'KEYWORD')),
        defineSearchAttributeKey(needsHuman, 'BOOL'),
      ],
      extraArgs: ['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=1000'],
    },
  });
}

/** Both workers of a site, with the world's activities, while `work` goes on. */
export async function withWorkers<R>(
  server: TestWorkflowEnvironment,
  world: World,
  work: () => Promise<R>,
  more: Partial<WorkerOptions> = {},
): Promise<R> {
  const { act, inspect, inspectAgain, observe, snapshot, stillStands, verify, ...tell } = world.activities;
  const reaching = { act, inspect, inspectAgain, observe, snapshot, stillStands, verify };
  const common = { connection: server.nativeConnection, identity: 'worker' };
  const core = await Worker.create({
    ...{
      ...common,
      taskQueue: workflowQueue,
      activities: tell,
      workflowBundle: { code: await workflowBundle() },
    },
    ...more,
  });
  const siteWorker = await Worker.create({ ...common, taskQueue: siteQueue('lab'), activities: reaching });
  return core.runUntil(siteWorker.runUntil(work()));
}

export interface RealChange {
  id: string;
  handle: WorkflowHandle<typeof deviceChange>;
  planHash(): Promise<string>;
  review(by: string, decision?: 'approve' | 'reject'): Promise<unknown>;
  ends(): Promise<ChangeResult>;
}

/** Submits a change; a world has one change on the real server. */
export async function submit(
  client: Client,
  world: World,
  more: Partial<ChangeRequest> = {},
): Promise<RealChange> {
  const id = randomUUID();
  const handle = await client.workflow.start<typeof deviceChange>(workflowTypes.deviceChange, {
    workflowId: changeWorkflowId(id),
    taskQueue: workflowQueue,
    args: [inputOf(more, {}, id)],
  });
  const planHash = async (): Promise<string> => {
    await waitFor(() => world.states().includes('awaiting-review'));
    return world.lastTold().planHash ?? '';
  };
  return {
    id,
    handle,
    planHash,
    async review(by, decision = 'approve') {
      const comment = decision === 'reject' ? { comment: 'not this week' } : {};
      const decisionId = `${id}/${by}`;
      const one = world.decision(by, await planHash(), { changeId: id, decision, decisionId, ...comment });
      return handle.executeUpdate(reviewUpdate, { args: [one], updateId: decisionId });
    },
    ends: () => handle.result(),
  };
}

async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
