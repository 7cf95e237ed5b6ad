import { ApiProblem, CliError } from './exit.js';
import type {
  AuditExportView,
  AuditPageView,
  ChangePageView,
  ChangeView,
  DevicePageView,
  HostListView,
  MeView,
  OrderView,
  PlanView,
  ProblemView,
  ReviewAnswerView,
  ReviewDto,
  SiteListView,
  SiteView,
  TimelineView,
} from './schemas.js';

export type Query = Record<string, string | number | undefined>;
export type StopVerb = 'withdraw' | 'cancel' | 'hold';

export interface ResolveWish {
  resolution: string;
  reason: string;
  proposal?: string;
}

/** The API over HTTP, as any program may use it. Throws `ApiProblem` for what it refuses. */
export class ApiClient {
  constructor(
    readonly url: string,
    private readonly token: () => Promise<string>,
  ) {}

  createChange(request: unknown, idempotencyKey?: string): Promise<ChangeView> {
    const headers: Record<string, string> = idempotencyKey ? { 'idempotency-key': idempotencyKey } : {};
    return this.call('POST', '/v1/changes', { body: request, headers });
  }

  change(id: string): Promise<ChangeView> {
    return this.call('GET', changePath(id));
  }

  changes(query: Query): Promise<ChangePageView> {
    return this.call('GET', '/v1/changes', { query });
  }

  plan(id: string): Promise<PlanView> {
    return this.call('GET', changePath(id, '/plan'));
  }

  timeline(id: string): Promise<TimelineView> {
    return this.call('GET', changePath(id, '/timeline'));
  }

  stop(verb: StopVerb, id: string, reason: string): Promise<OrderView> {
    return this.call('POST', changePath(id, `:${verb}`), { body: { reason } });
  }

  resolve(id: string, wish: ResolveWish): Promise<OrderView> {
    return this.call('POST', changePath(id, ':resolve'), { body: wish });
  }

  review(id: string, review: ReviewDto): Promise<ReviewAnswerView> {
    return this.call('POST', changePath(id, '/reviews'), { body: review });
  }

  devices(query: Query): Promise<DevicePageView> {
    return this.call('GET', '/v1/devices', { query });
  }

  hosts(query: Query): Promise<HostListView> {
    return this.call('GET', '/v1/hosts', { query });
  }

  sites(): Promise<SiteListView> {
    return this.call('GET', '/v1/sites');
  }

  turnSite(verb: 'hold' | 'release', id: string, reason?: string): Promise<SiteView> {
    return this.call(
      'POST',
      `/v1/sites/${encodeURIComponent(id)}:${verb}`,
      reason === undefined ? {} : { body: { reason } },
    );
  }

  audit(query: Query): Promise<AuditPageView> {
    return this.call('GET', '/v1/audit', { query });
  }

  exportAudit(changeId?: string): Promise<AuditExportView> {
    return this.call('GET', '/v1/audit/export', { query: { changeId } });
  }

  me(): Promise<MeView> {
    return this.call('GET', '/v1/me');
  }

  /** The response of a live stream; its body is read by whoever follows. */
  async events(id: string, lastEventId: string | undefined, signal: AbortSignal): Promise<Response> {
    const headers = { accept: 'text/event-stream', ...(lastEventId ? { 'last-event-id': lastEventId } : {}) };
    const response = await this.send('GET', `${this.url}${changePath(id, '/events')}`, { headers, signal });
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  private async call<T>(
    method: string,
    path: string,
    parts: { body?: unknown; query?: Query; headers?: Record<string, string> } = {},
  ): Promise<T> {
    const url = new URL(`${this.url}${path}`);
    for (const [name, value] of Object.entries(parts.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const response = await this.send(method, url.href, {
      headers: {
        ...parts.headers,
        ...(parts.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(parts.body === undefined ? {} : { body: JSON.stringify(parts.body) }),
    });
    if (!response.ok) throw await problemOf(response);
    return (await response.json()) as T;
  }

  private async send(method: string, url: string, init: RequestInit): Promise<Response> {
    const headers = {
      ...(init.headers as Record<string, string>),
      authorization: `Bearer ${await this.token()}`,
    };
    return fetch(url, { ...init, method, headers, redirect: 'error' }).catch((error: unknown) => {
      if (init.signal?.aborted) throw error;
      const cause =
        error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new Unreachable(this.url, cause);
    });
  }
}

/** Nobody answers at the API's address. */
export class Unreachable extends CliError {
  constructor(url: string, cause: string) {
    super(
      `the API at ${url} does not answer: ${cause}`,
      'start it (`npm start`), or correct --api or SLIPWAY_API_URL',
    );
  }
}

async function problemOf(response: Response): Promise<Error> {
  const text = await response.text();
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  if (isProblem) return new ApiProblem(JSON.parse(text) as ProblemView);
  return new CliError(
    `the API answered ${response.status}, not as the API does`,
    'check --api or SLIPWAY_API_URL: something else may be listening there',
  );
}

function changePath(id: string, rest = ''): string {
  return `/v1/changes/${encodeURIComponent(id)}${rest}`;
}
