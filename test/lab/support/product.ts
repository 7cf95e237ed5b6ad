import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Failure } from '../../../domain/failures.js';
import { asPerson, type ApiCalls, type ChangeOfApi } from '../../../lab/demo/people.js';
import type { StackAddresses } from '../../../stack/addresses.js';
import { anyPorts } from '../../../stack/options.js';
import { type Stack, startStack } from '../../../stack/stack.js';
import { tokenOf } from '../../../stack/token.js';
import { FailpointFile } from '../../battery/failpoint-file.js';
import { until } from '../../hypervisors/orders.js';
import { temporaryHome } from '../../stack/home.js';
import type { LabFacts } from './lab.js';

export interface Change extends ChangeOfApi {
  round: number;
  waitingFor: string | null;
  missing: { count: number }[];
  halfState: { commands: { step: string }[] } | null;
}

export interface StepOfTimeline {
  name: string;
  direction: 'forward' | 'undo' | 'escalation';
  opId: string;
  attempts: number;
  outcome: string | null;
  failure?: Failure;
}

/** Everything takes its time in emulation, the more the busier the machine is: only a limit, never a pause. */
export const patienceMs = 600_000;

/** A whole stack that serves the lab's host, used by people over HTTP. */
export class Product {
  readonly failpoints: FailpointFile;
  private readonly requested: string[] = [];

  private constructor(
    readonly stack: Stack,
    private readonly home: ReturnType<typeof temporaryHome>,
    private readonly site: string,
  ) {
    this.failpoints = new FailpointFile(join(home.path, 'failpoint'));
  }

  /** `patience` is short, so that guests that never answer are known as such within seconds. */
  static async over(lab: LabFacts): Promise<Product> {
    const home = temporaryHome();
    const estate = join(home.path, 'estate.yaml');
    writeFileSync(estate, estateOf(lab));
    const stack = await startStack({
      ...anyPorts(),
      home: home.path,
      estate,
      workerEnv: { SLIPWAY_FAILPOINT: join(home.path, 'failpoint') },
      // A worker that was killed stays away until the test lets it come back.
      workerRestartDelaysMs: [3_600_000],
    });
    return new Product(stack, home, 'lab');
  }

  get addresses(): StackAddresses {
    return this.stack.addresses;
  }

  as(person: string): Promise<ApiCalls> {
    return asPerson(person, this);
  }

  /** Any call of the API: its status and what it answered. */
  async calls<T>(
    person: string,
    method: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; body: T }> {
    const response = await fetch(`${this.addresses.apiUrl}/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await tokenOf(person, this.addresses)}`,
        'content-type': 'application/json',
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, body: (await response.json()) as T };
  }

  /** As `call`, for what must be taken. */
  async orders(person: string, path: string, body: object = {}): Promise<void> {
    const answer = await this.calls<unknown>(person, 'POST', path, body);
    if (answer.status >= 300)
      throw new Error(`POST ${path} as ${person}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  async see(id: string): Promise<Change> {
    return (await this.calls<Change>('requester', 'GET', `/changes/${id}`)).body;
  }

  /** Requested and planned: it waits for its reviews, or was refused. */
  async request(request: object): Promise<Change> {
    const { id } = await (await this.as('requester')).create({ ...usual, ...request });
    this.requested.push(id);
    return this.when(id, 'is planned', ({ state }) => state !== 'inspecting');
  }

  async approve({ id, planHash }: Change): Promise<void> {
    for (const person of ['approver-1', 'approver-2']) await (await this.as(person)).review(id, planHash!);
  }

  /** Requested and approved; what becomes of it is awaited with `end`. */
  async begin(request: object): Promise<Change> {
    const planned = await this.request(request);
    if (planned.state === 'awaiting-review') await this.approve(planned);
    return planned;
  }

  async change(request: object): Promise<Change> {
    return this.end((await this.begin(request)).id);
  }

  /** Its requester stops it; asked again as long as no worker is there to take the order. */
  async cancels(id: string): Promise<void> {
    const stopping = async (): Promise<boolean> => {
      await this.calls('requester', 'POST', `/changes/${id}:cancel`, { reason: 'changed my mind' });
      return ['undoing', 'closed'].includes((await this.see(id)).state);
    };
    await until(`change ${id} is cancelled`, stopping, patienceMs);
  }

  /** Closed, or parked for an operator. */
  end(id: string): Promise<Change> {
    return this.when(id, 'ends', ({ state }) => state === 'closed' || state === 'parked');
  }

  async when(id: string, what: string, holds: (change: Change) => boolean): Promise<Change> {
    let seen = await this.see(id);
    await until(
      `change ${id} ${what}`,
      async () => holds(seen) || holds((seen = await this.see(id))),
      patienceMs,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; it is ${JSON.stringify(seen)}`, { cause: error });
    });
    return seen;
  }

  /** Changes of this stack that have not come to their ending. */
  async open(): Promise<Change[]> {
    const seen = await Promise.all(this.requested.map((id) => this.see(id)));
    return seen.filter(({ state }) => state !== 'closed');
  }

  /** Whatever is open is closed by operators, as it is; only for after a test that failed. */
  async closesAll(): Promise<void> {
    for (const { id } of await this.open()) {
      await this.calls('requester', 'POST', `/changes/${id}:withdraw`, { reason: 'test failed' });
      await this.calls('requester', 'POST', `/changes/${id}:cancel`, { reason: 'test failed' });
      if ((await this.end(id)).state === 'closed') continue;
      const order = { resolution: 'accept', reason: 'test failed' };
      const path = `/changes/${id}:resolve`;
      const { body } = await this.calls<{ proposal: string }>('operator', 'POST', path, order);
      await this.orders('operator-2', path, { ...order, proposal: body.proposal });
      await this.when(id, 'closes', ({ state }) => state === 'closed');
    }
  }

  async timeline(id: string): Promise<StepOfTimeline[]> {
    return (await this.calls<{ steps: StepOfTimeline[] }>('auditor', 'GET', `/changes/${id}/timeline`)).body
      .steps;
  }

  holdSite(): Promise<void> {
    return this.orders('operator', `/sites/${this.site}:hold`, {
      reason: 'the test has something to do first',
    });
  }

  releaseSite(): Promise<void> {
    return this.orders('operator', `/sites/${this.site}:release`);
  }

  /** The worker came to the armed place and is dead; it stays so until `workerReturns`. */
  async workerDies(): Promise<void> {
    const worker = this.stack.child('worker');
    await until(
      'the worker dies at its failpoint',
      () => Promise.resolve(this.failpoints.fired && worker.pid === undefined),
      patienceMs,
    );
  }

  async workerReturns(): Promise<void> {
    const worker = this.stack.child('worker');
    await worker.stop();
    this.failpoints.clear();
    await worker.start();
  }

  async close(): Promise<void> {
    await this.stack.stop();
    this.home.remove();
  }
}

const usual = {
  action: 'attach',
  host: 'kvm-01',
  vm: 'voip-gateway',
  wholeUnit: true,
  powerOff: 'never',
  onUnhealthy: 'undo',
  class: 'normal',
  reason: 'lab suite',
};

/** The lab's own estate, with guests that are known as hung within seconds, and one more VM. */
function estateOf({ ssh, host }: LabFacts): string {
  const connect = {
    ssh: {
      host: ssh.host,
      port: ssh.port,
      user: ssh.user,
      identity: `file:${ssh.identity}`,
      knownHosts: `file:${ssh.knownHosts}`,
    },
  };
  const patience = { detachSeconds: 10, shutdownSeconds: 20 };
  const hosts = [{ id: host, hypervisor: 'libvirt', connect, patience }];
  const agent = { probe: 'agent' };
  const guests = {
    'voip-gateway': agent,
    'backup-store': agent,
    'full-house': agent,
    'hung-guest': { probe: 'none' },
  };
  return JSON.stringify({ sites: [{ id: 'lab', hosts }], guests });
}
