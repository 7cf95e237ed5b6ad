import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { workflowBundle } from '../support/workflow-driver-bundle.js';
import { endRuntime, quietRuntime } from '../support/workflow-driver-runtime.js';

interface HistoryEvent {
  eventType: string;
  activityTaskScheduledEventAttributes?: { activityType: { name: string } };
}
interface History {
  events: HistoryEvent[];
}

const folder = fileURLToPath(new URL('../histories/', import.meta.url));
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
const read = (name: string): History => JSON.parse(readFileSync(`${folder}${name}`, 'utf8')) as History;

async function replay(history: History): Promise<void> {
  await Worker.runReplayHistory({ workflowBundle: { code: await workflowBundle() } }, history);
}

beforeAll(quietRuntime);
afterAll(endRuntime);

describe('a history of an earlier build', () => {
  it('is there for each way a change can go', () => {
    expect(names.length).toBeGreaterThanOrEqual(6);
  });

  it.each(names)('replays: %s', async (name) => {
    await replay(read(name));
  });

  it.each(names)('names no path, no host and no process of the machine that recorded it: %s', (name) => {
    const text = readFileSync(`${folder}${name}`, 'utf8');
    expect(text).not.toMatch(/"stackTrace":"[^"]|\/node_modules\/|"identity":"\d+@/);
  });
});

describe('a history that the workflow did not make', () => {
  it.each(names)('is found out when another activity stands in it: %s', async (name) => {
    const history = read(name);
    const scheduled = history.events.find((event) => event.activityTaskScheduledEventAttributes);
    scheduled!.activityTaskScheduledEventAttributes!.activityType.name = 'somethingElse';
    await expect(replay(history)).rejects.toThrow(DeterminismViolationError);
  });

  it('is found out when a marker of the register is missing', async () => {
    const history = read('attach-succeeded.json');
    const marker = history.events.findIndex(({ eventType }) => eventType.endsWith('MARKER_RECORDED'));
    const events = history.events.filter((_, index) => index !== marker);
    await expect(
      replay({ events: events.map((event, index) => ({ ...event, eventId: String(index + 1) })) }),
    ).rejects.toThrow();
  });
});
