import type { StackAddresses } from '../../stack/addresses.js';
import { callsOf, requestOf, reviewers } from '../product-arm.js';
import type { Errand } from '../arm.js';

/** One change on the lab: as a whole, and how long it was in each state. */
export interface LabChange {
  totalMs: number;
  states: Record<string, number>;
}

interface Timeline {
  events: { kind: string; at: string }[];
}

const states = ['inspecting', 'awaiting-review', 'scheduled', 'gate', 'running', 'verifying', 'closed'];

/** From the request to the closed change, with both reviews, over HTTP. */
export async function labChange(addresses: StackAddresses, host: string, errand: Errand): Promise<LabChange> {
  const [requester, ...approvers] = await Promise.all(
    ['requester', ...reviewers].map((person) => callsOf(person, addresses)),
  );
  const began = performance.now();
  const { id } = await requester!.post<{ id: string }>('/changes', requestOf(errand, host));
  const closed = await requester!.follow(id, async (planHash) => {
    for (const one of approvers) await one.post(`/changes/${id}/reviews`, { planHash, decision: 'approve' });
  });
  const totalMs = performance.now() - began;
  if (closed.ending !== 'succeeded')
    throw new Error(
      `change ${id} ended ${closed.ending}: ${closed.failures.map(({ message }) => message).join('; ')}`,
    );
  return { totalMs, states: timesIn(await requester!.get<Timeline>(`/changes/${id}/timeline`)) };
}

/** From each state's event in the record to the next one's. */
function timesIn({ events }: Timeline): Record<string, number> {
  const marks = events.flatMap(({ kind, at }) => {
    const state = kind === 'change.requested' ? 'inspecting' : kind.replace(/^change\./, '');
    return states.includes(state) ? [{ state, at: Date.parse(at) }] : [];
  });
  return Object.fromEntries(
    marks.slice(0, -1).map(({ state, at }, index) => [state, marks[index + 1]!.at - at]),
  );
}
