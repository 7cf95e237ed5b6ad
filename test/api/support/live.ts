import { writeFileSync } from 'node:fs';
import type { ChangeView } from '../../../api/changes/change.view.js';
import type { Problem } from '../../../api/problem.js';
import { readEvents, type StreamEvent } from '../../../cli/follow.js';
import { anyPorts } from '../../../stack/options.js';
import { type Stack, startStack } from '../../../stack/stack.js';
import { tokenOf } from '../../../stack/token.js';
import { temporaryHome } from '../../stack/home.js';
import { type Answer, send } from './api.js';

const person = (...roles: string[]) => ({ name: `One who is ${roles.join(' and ')}`, roles, groups: [] });
const people = {
  requester: person('requester'),
  'approver-1': person('approver'),
  'approver-2': person('approver'),
  'requester-and-approver': person('requester', 'approver'),
  'operator-1': person('operator'),
  'operator-2': person('operator'),
  auditor: person('auditor'),
};
export type PersonName = keyof typeof people;

/** The whole stack on the simulated hosts, with people of the test's own. */
export interface LiveStack {
  stack: Stack;
  as<Body = Problem>(
    name: PersonName,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body>>;
  create(device: string, parts?: object, by?: PersonName): Promise<ChangeView>;
  /** Follows a change by its event stream until it is as wanted; throws when the stream ends before. */
  until(id: string, wanted: (change: ChangeView) => boolean, withinMs?: number): Promise<ChangeView>;
  /** Has it reviewed by both approvers. */
  approve(change: ChangeView): Promise<void>;
  events(id: string, lastEventId?: string, signal?: AbortSignal): AsyncGenerator<StreamEvent>;
  simulator(path: string, body: object): Promise<void>;
  close(): Promise<void>;
}

export async function startLive(): Promise<LiveStack> {
  const home = temporaryHome();
  const file = `${home.path}/people.json`;
  writeFileSync(file, JSON.stringify(people));
  const stack = await startStack({
    ...anyPorts(),
    home: home.path,
    people: file,
    workerRestartDelaysMs: [10],
  });
  const { apiUrl, simulatorUrl } = stack.addresses;
  const token = (name: PersonName): Promise<string> => tokenOf(name, stack.addresses);

  const live: LiveStack = {
    stack,
    as: async (name, method, path, body, headers) =>
      send(apiUrl + path, method, { token: await token(name), body, ...(headers ? { headers } : {}) }),
    async create(device, parts = {}, by = 'requester') {
      const request = {
        action: 'attach',
        host: 'sim-01',
        vm: 'voip-gateway',
        devices: [{ address: device }],
        powerOff: 'allowed',
        reason: 'a test',
        ...parts,
      };
      const { status, body } = await live.as<ChangeView>(by, 'POST', '/v1/changes', request);
      if (status !== 201) throw new Error(`not created: ${JSON.stringify(body)}`);
      return body;
    },
    async until(id, wanted, withinMs = 45_000) {
      let last = 'nothing';
      const signal = AbortSignal.timeout(withinMs);
      try {
        for await (const { name, data } of live.events(id, undefined, signal)) {
          if (name !== 'snapshot' && name !== 'change') continue;
          last = data;
          const { change } = JSON.parse(data) as { change: ChangeView };
          if (wanted(change)) return change;
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      throw new Error(`the change did not become what was wanted; the last that was seen: ${last}`);
    },
    async approve(change) {
      for (const name of ['approver-1', 'approver-2'] as const) {
        const review = { planHash: change.planHash, decision: 'approve' };
        const { status, body } = await live.as(name, 'POST', `/v1/changes/${change.id}/reviews`, review);
        if (status !== 200) throw new Error(`not reviewed: ${JSON.stringify(body)}`);
      }
    },
    async *events(id, lastEventId, signal = new AbortController().signal) {
      const leaving = new AbortController();
      const headers: Record<string, string> = { authorization: `Bearer ${await token('requester')}` };
      if (lastEventId) headers['last-event-id'] = lastEventId;
      try {
        yield* readEvents(
          await fetch(`${apiUrl}/v1/changes/${id}/events`, {
            headers,
            signal: AbortSignal.any([leaving.signal, signal]),
          }),
        );
      } finally {
        leaving.abort();
      }
    },
    async simulator(path, body) {
      const response = await fetch(`${simulatorUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
      if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    },
    async close() {
      await stack.stop();
      home.remove();
    },
  };
  return live;
}
