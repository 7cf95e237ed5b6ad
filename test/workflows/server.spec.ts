import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { reviewSignal, reviewUpdate, withdrawUpdate } from '../../workflows/contract.js';
import { workflowBundle } from '../support/workflow-driver-bundle.js';
import { endRuntime } from '../support/workflow-driver-runtime.js';
import { World } from '../support/workflow-driver-world.js';
import { actor, attachedWorld } from './changes.js';
import { type RealChange, startServer, submit, withWorkers } from './real-server.js';

/** Set, the histories that `replay.spec.ts` replays are written anew: see test/histories/README.md. */
const recording = process.env['RECORD_HISTORIES'] === '1';
const folder = fileURLToPath(new URL('../histories/', import.meta.url));

let server: TestWorkflowEnvironment;

beforeAll(async () => {
  server = await startServer();
}, 60_000);
afterAll(async () => {
  await server.teardown();
  await endRuntime();
});

async function record(name: string, { handle }: RealChange): Promise<void> {
  if (!recording) return;
  mkdirSync(folder, { recursive: true });
  // Stack traces name the paths of one machine, and no replay looks at them.
  const history = JSON.stringify(
    JSON.parse(historyToJSON(await handle.fetchHistory())),
    (key, value: unknown) => (key === 'stackTrace' ? undefined : value),
  );
  writeFileSync(`${folder}${name}.json`, `${history}\n`);
}

describe('on the real server', () => {
  it('an attach succeeds', async () => {
    const world = new World();
    await withWorkers(server, world, async () => {
      const change = await submit(server.client, world);
      await change.review('approver-1');
      await change.review('approver-2');
      expect(await change.ends()).toEqual({ ending: 'succeeded' });
      await record('attach-succeeded', change);
    });
    expect(world.acts()).toHaveLength(4);
  });

  it('a failed attach is undone', async () => {
    const world = new World();
    world.faults.push({ verb: 'attach', direction: 'forward', kind: 'before', times: 1 });
    await withWorkers(server, world, async () => {
      const change = await submit(server.client, world);
      await change.review('approver-1');
      await change.review('approver-2');
      expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
      await record('attach-undone', change);
    });
    expect(world.claims.size).toBe(0);
  });

  it('a change is rejected', async () => {
    const world = new World();
    await withWorkers(server, world, async () => {
      const change = await submit(server.client, world);
      await change.review('approver-1', 'reject');
      expect(await change.ends()).toEqual({ ending: 'rejected' });
      await record('attach-rejected', change);
    });
  });

  it('a return whose guest does not let go succeeds after its power was cut', async () => {
    const world = attachedWorld();
    world.deaf = true;
    await withWorkers(server, world, async () => {
      const change = await submit(server.client, world, { action: 'return' });
      await change.review('approver-1');
      await change.review('approver-2');
      expect(await change.ends()).toEqual({ ending: 'succeeded' });
      await record('return-succeeded', change);
    });
  });

  it('a workflow that is replayed from its start at every task comes to the same end', async () => {
    const world = new World();
    world.faults.push({ verb: 'attach', direction: 'forward', kind: 'before', times: 1 });
    const work = async (): Promise<void> => {
      const change = await submit(server.client, world);
      await change.review('approver-1');
      await change.review('approver-2');
      expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
    };
    await withWorkers(server, world, work, { maxCachedWorkflows: 0 });
  });

  it('two reviews in the same instant can be replayed', async () => {
    const world = new World();
    await withWorkers(server, world, async () => {
      const change = await submit(server.client, world);
      await Promise.all(['approver-1', 'approver-2'].map((by) => change.review(by)));
      expect(await change.ends()).toEqual({ ending: 'succeeded' });
      await record('attach-reviewed-at-once', change);
      const history = await change.handle.fetchHistory();
      await Worker.runReplayHistory({ workflowBundle: { code: await workflowBundle() } }, history);
    });
  });

  it('updates are rejected by their validators and leave no trace', async () => {
    const world = new World();
    await withWorkers(server, world, async () => {
      const change = await submit(server.client, world);
      const decision = world.decision('requester', await change.planHash(), { changeId: change.id });
      const own = change.handle.executeUpdate(reviewUpdate, { args: [decision], updateId: 'own' });
      await expect(own).rejects.toThrow(WorkflowUpdateFailedError);
      await expect(own).rejects.toMatchObject({
        cause: { type: 'slipway/review-refused', details: [{ refusal: 'own-change' }] },
      });
      const { events } = await change.handle.fetchHistory();
      const updates = (events ?? []).filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes);
      expect(updates).toEqual([]);
      const order = { by: actor('requester'), reason: 'no longer needed' };
      await change.handle.executeUpdate(withdrawUpdate, { args: [order] });
      expect(await change.ends()).toEqual({ ending: 'withdrawn' });
    });
  });

  it('a review sent twice with its id counts once and gets the same answer', async () => {
    const world = new World();
    await withWorkers(server, world, async () => {
      const change = await submit(server.client, world);
      const [first, second] = [await change.review('approver-1'), await change.review('approver-1')];
      expect(second).toEqual(first);
      expect(second).toMatchObject({ standing: { missing: [{ count: 1 }] } });
      await change.review('approver-2', 'reject');
      await change.ends();
    });
  });

  it('reviews made while no worker runs count as soon as one does', async () => {
    const world = new World();
    const change = await withWorkers(server, world, async () => {
      const submitted = await submit(server.client, world);
      await submitted.planHash();
      return submitted;
    });
    const { planHash } = world.lastTold();
    for (const by of ['approver-1', 'approver-2']) {
      await change.handle.signal(reviewSignal, world.decision(by, planHash ?? '', { changeId: change.id }));
    }
    expect(world.acts()).toEqual([]);
    await withWorkers(server, world, async () => {
      expect(await change.ends()).toEqual({ ending: 'succeeded' });
      await record('attach-reviewed-while-no-worker-ran', change);
    });
  });
});
