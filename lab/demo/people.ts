import type { Fact } from '../../domain/act.js';
import type { AuditExport } from '../../domain/audit.js';
import type { Failure } from '../../domain/failures.js';
import type { Plan } from '../../domain/plan.js';
import { tokenOf } from '../../stack/token.js';
import type { Place } from './place.js';
import type { StepOfReport } from './report.js';
import type { Show } from './show.js';
import { eventsOf } from './sse.js';

/** What the demo reads of a change; the API's document has all of it. */
export interface ChangeOfApi {
  id: string;
  request: { action: string };
  requesterName: string;
  state: string;
  ending: string | null;
  planHash: string | null;
  failures: Failure[];
  links: { temporal: string | null };
}

interface Snapshot {
  facts: Fact[];
}

/** The API as one person may use it. */
export interface ApiCalls {
  create(request: object): Promise<ChangeOfApi>;
  plan(id: string): Promise<{ plan: Plan; planHash: string }>;
  review(id: string, planHash: string): Promise<void>;
  /** Follows the change live until `until` holds, showing each step as it ends. */
  follow(id: string, until: (change: ChangeOfApi) => boolean, show: Pick<Show, 'step'>): Promise<ChangeOfApi>;
  evidence(id: string): Promise<{ before: Snapshot | null; after: Snapshot | null }>;
  steps(id: string): Promise<StepOfReport[]>;
  reviews(id: string): Promise<{ reviewer: string; decision: string }[]>;
  audit(id: string): Promise<AuditExport>;
}

export async function asPerson(name: string, { addresses }: Pick<Place, 'addresses'>): Promise<ApiCalls> {
  const headers = {
    authorization: `Bearer ${await tokenOf(name, addresses)}`,
    'content-type': 'application/json',
  };
  const url = (path: string): string => `${addresses.apiUrl}/v1${path}`;

  async function call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(url(path), {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (!response.ok)
      throw new Error(`${method} ${path} as ${name}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  return {
    create: (request) => call('POST', '/changes', request),
    async plan(id) {
      const plan = await call<Plan & { planHash: string }>('GET', `/changes/${id}/plan`);
      return { plan, planHash: plan.planHash };
    },
    async review(id, planHash) {
      await call('POST', `/changes/${id}/reviews`, { planHash, decision: 'approve' });
    },
    async follow(id, until, show) {
      const shown = new Set<string>();
      for await (const event of eventsOf(url(`/changes/${id}/events`), headers)) {
        if (event.name !== 'snapshot' && event.name !== 'change') continue;
        const { change, steps } = JSON.parse(event.data) as { change: ChangeOfApi; steps: StepOfReport[] };
        for (const step of steps.filter(({ endedAt }) => endedAt !== null)) {
          const key = `${step.opId} ${step.attempts} ${step.outcome}`;
          if (!shown.has(key)) show.step(step);
          shown.add(key);
        }
        if (until(change)) return change;
      }
      return call('GET', `/changes/${id}`);
    },
    evidence: (id) => call('GET', `/changes/${id}/evidence`),
    async steps(id) {
      const { steps } = await call<{ steps: StepOfReport[] }>('GET', `/changes/${id}/timeline`);
      return steps.map(({ name: step, direction, opId, attempts, startedAt, endedAt, outcome }) => {
        return { name: step, direction, opId, attempts, startedAt, endedAt, outcome };
      });
    },
    async reviews(id) {
      const { items } = await call<{ items: { reviewerName: string; decision: string }[] }>(
        'GET',
        `/changes/${id}/reviews`,
      );
      return items.map(({ reviewerName, decision }) => ({ reviewer: reviewerName, decision }));
    },
    audit: (id) => call('GET', `/audit/export?changeId=${id}`),
  };
}
