import { eventsOf } from '../lab/demo/sse.js';
import type { ChangeOfApi } from '../lab/demo/people.js';
import type { StackAddresses } from '../stack/addresses.js';
import { tokenOf } from '../stack/token.js';
import type { Arm, Errand } from './arm.js';

export const reviewers = ['approver-1', 'approver-2'];

/** A: the product as people use it: a request, its live events, two reviews of the plan, until it is closed. */
export async function productArm(addresses: StackAddresses, host: string): Promise<Arm> {
  const [requester, ...approvers] = await Promise.all(
    ['requester', ...reviewers].map((person) => callsOf(person, addresses)),
  );
  return {
    name: 'A',
    prepare: (errand) =>
      Promise.resolve({
        async run() {
          const { id } = await requester!.post<ChangeOfApi>('/changes', requestOf(errand, host));
          const closed = await requester!.follow(id, async (planHash) => {
            for (const one of approvers)
              await one.post(`/changes/${id}/reviews`, { planHash, decision: 'approve' });
          });
          if (closed.ending !== 'succeeded')
            throw new Error(
              `change ${id} ended ${closed.ending}: ${closed.failures.map(({ message }) => message).join('; ')}`,
            );
        },
      }),
  };
}

export function requestOf({ action, vm, address }: Errand, host: string): object {
  return {
    ...{ action, host, vm, devices: [{ address }], reason: 'bench' },
    ...{ wholeUnit: true, powerOff: 'allowed', onUnhealthy: 'undo', class: 'normal' },
  };
}

interface Calls {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: object): Promise<T>;
  /** One stream of events from the request to the end; `onPlanned` is called once, when reviews are awaited. */
  follow(id: string, onPlanned: (planHash: string) => Promise<void>): Promise<ChangeOfApi>;
}

export async function callsOf(person: string, addresses: StackAddresses): Promise<Calls> {
  const headers = {
    authorization: `Bearer ${await tokenOf(person, addresses)}`,
    'content-type': 'application/json',
  };
  const url = (path: string): string => `${addresses.apiUrl}/v1${path}`;
  async function call<T>(method: string, path: string, body?: object): Promise<T> {
    const given = body && { body: JSON.stringify(body) };
    const response = await fetch(url(path), { method, headers, ...given });
    const text = await response.text();
    // 202 would mean that a review is kept but does not count yet.
    if (response.status !== 201 && response.status !== 200)
      throw new Error(`${method} ${path} as ${person}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }
  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    async follow(id, onPlanned) {
      let reviewed = false;
      for await (const { name, data } of eventsOf(url(`/changes/${id}/events`), headers)) {
        if (name !== 'snapshot' && name !== 'change') continue;
        const { change } = JSON.parse(data) as { change: ChangeOfApi };
        if (change.state === 'closed') return change;
        if (change.state !== 'awaiting-review' || reviewed) continue;
        reviewed = true;
        await onPlanned(change.planHash!);
      }
      throw new Error(`the events of change ${id} ended before it was closed`);
    },
  };
}
