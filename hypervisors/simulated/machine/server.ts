import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NativeCommand, Order } from '../../../domain/act.js';
import type { Fence } from '../../../domain/hypervisor.js';
import { type FaultMethod, readFault, takeFault } from './injected-faults.js';
import { identityOf, type Machine, type RunningHost } from './machine.js';
import { operate } from './operator.js';
import { checkHost, receive } from './orders.js';
import { Refusal, refuse } from './refusal.js';
import { vmOf } from './hardware.js';
import type { MachineHost } from './state.js';
import type { Witness } from './witness.js';
import { members } from './document.js';
import { readDelays } from './world-file.js';

const mostBytes = 1024 * 1024;
/** `102 Processing` while an answer takes its time, so that a caller can tell a long act from a silent host. */
const signOfLifeEveryMs = 1000;
type Answer = { status: number; body: unknown } | 'hang' | 'cut';

export interface Simulator {
  machine: Machine;
  witness: Witness;
}

/**
 * JSON over HTTP, for loopback only. `POST /hosts/ID/{inspect,observe,snapshot,probe,orders}` is what the adapter
 * uses; everything else is for operators and tests: `GET /hosts`, `/hosts/ID`, `/hosts/ID/state` (from the ledger),
 * `/hosts/ID/guard`, `/ledger`, `/faults`, `/delays`, `/healthz`; `POST /hosts/ID/operator`, `/faults`, `/reset`;
 * `PUT /delays`; `DELETE /faults`.
 */
export function createSimulatorServer(simulator: Simulator): Server {
  return createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const life = setInterval(() => response.writeProcessing(), signOfLifeEveryMs);
    answer(simulator, request)
      .catch((error: unknown) => failed(error))
      .finally(() => clearInterval(life))
      .then((reply) => send(response, reply))
      .catch(() => response.destroy());
  });
}

function failed(error: unknown): Answer {
  if (error instanceof Refusal) return { status: 409, body: { error: error.parts } };
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`simulator: ${error instanceof Error ? error.stack : text}\n`);
  return { status: 500, body: { error: { code: 'failed', text } } };
}

function send(response: ServerResponse, reply: Answer): void {
  if (reply === 'hang') return;
  if (reply === 'cut') {
    response.destroy();
    return;
  }
  const text = JSON.stringify(reply.body);
  response.writeHead(reply.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

async function answer(simulator: Simulator, request: IncomingMessage): Promise<Answer> {
  // A web page must not reach the simulator under a name of its own that resolves to loopback.
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? '')) {
    refuse('denied', 'the simulator answers on loopback only', {
      actual: JSON.stringify(request.headers.host),
    });
  }
  const url = new URL(request.url ?? '/', 'http://localhost');
  const path = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const body = request.method === 'GET' ? undefined : await readBody(request);
  const [place, id = '', what = ''] = path;
  if (place === 'hosts' && id !== '')
    return answerHost(simulator, simulator.machine.host(id), `${request.method} ${what}`, body);
  return answerWorld(simulator, `${request.method} ${place}`, url, body);
}

async function answerHost(
  { machine, witness }: Simulator,
  host: RunningHost,
  route: string,
  body: unknown,
): Promise<Answer> {
  switch (route) {
    case 'GET ':
    case 'POST observe':
      return read(machine, host, 'observe', body, () => host.state, route);
    case 'POST inspect':
      return read(machine, host, 'inspect', body, () => host.state, route);
    case 'GET state':
    case 'POST snapshot':
      return read(machine, host, 'snapshot', body, () => witness.state(host.state.id), route);
    case 'POST probe':
      return read(
        machine,
        host,
        'probe',
        body,
        () => lookIntoGuest(host.state, (body as { vm: string }).vm),
        route,
      );
    case 'POST orders':
      return order(machine, host, body);
    case 'GET guard':
    case 'POST guard':
      return ok(host.guard.describe());
    case 'POST operator':
      operate(host, machine.ledger, body);
      await machine.ledger.flushed();
      return ok(withIdentity(host.state));
    default:
      return refuse('bad-request', `the simulator has no ${route}`);
  }
}

async function order(machine: Machine, host: RunningHost, body: unknown): Promise<Answer> {
  const given = members(body, 'the body', ['order', 'commands']);
  const order = members(given['order'], 'order') as unknown as Order;
  members(order.act, 'order.act');
  for (const [name, value] of Object.entries({ keys: order.keys, commands: given['commands'] })) {
    if (!Array.isArray(value)) refuse('bad-request', `${name}: expected a list`);
  }
  const reply = await receive(machine, host, order, given['commands'] as NativeCommand[]);
  if (reply.kind !== 'answer') return reply.kind;
  return ok(reply.outcome);
}

/** Reads publish an epoch first if asked to. A plain GET meets neither faults nor delays. */
async function read(
  machine: Machine,
  host: RunningHost,
  method: FaultMethod,
  body: unknown,
  look: () => unknown,
  route: string,
): Promise<Answer> {
  if (route.startsWith('POST')) {
    const fault = takeFault(machine.faults, { method, host: host.state.id });
    if (fault?.kind === 'hang') return 'hang';
    if (fault?.kind === 'lost-reply') return 'cut';
    if (fault) refuse(fault.code, `injected fault: ${fault.kind}`);
    const delay = machine.delays[method] ?? 0;
    if (delay > 0) await sleep(delay);
    const { fence } = (body ?? {}) as { fence?: Fence };
    if (fence) await publish(machine, host, fence);
  }
  const found = await look();
  return ok(isHost(found) ? withIdentity(found) : found);
}

async function publish(machine: Machine, host: RunningHost, fence: Fence): Promise<void> {
  checkHost(host, fence.hostIdentity);
  host.guard.publish(fence);
  machine.ledger.append({ kind: 'fence', host: host.state.id, epoch: fence.epoch, keys: fence.keys });
  await machine.ledger.flushed();
  await host.guard.whenFree(fence.keys);
}

async function answerWorld({ machine }: Simulator, route: string, url: URL, body: unknown): Promise<Answer> {
  switch (route) {
    case 'GET healthz':
      return ok({ ready: true, hosts: [...machine.hosts.keys()] });
    case 'GET hosts':
      return ok([...machine.hosts.values()].map((host) => withIdentity(host.state)));
    case 'GET ledger': {
      const kind = url.searchParams.get('kind');
      const after = Number(url.searchParams.get('after') ?? 0);
      return ok(machine.ledger.entries.slice(after).filter((entry) => kind === null || entry.kind === kind));
    }
    case 'GET faults':
      return ok(machine.faults);
    case 'POST faults':
      machine.faults.push(
        ...(Array.isArray(body) ? body : [body]).map((fault, index) => readFault(fault, `faults[${index}]`)),
      );
      return ok(machine.faults);
    case 'DELETE faults':
      machine.faults.length = 0;
      return ok([]);
    case 'GET delays':
      return ok(machine.delays);
    case 'PUT delays':
      machine.delays = readDelays(body);
      return ok(machine.delays);
    case 'POST reset':
      await machine.reset();
      return ok({ reset: true });
    default:
      return refuse('bad-request', `the simulator has no ${route}`);
  }
}

/** What a guest tells of itself, e.g. through its agent. */
function lookIntoGuest(host: MachineHost, name: string): unknown {
  const vm = vmOf(host, name);
  const answers = vm.power === 'running' && vm.guest.agent === 'available';
  const devices = answers && vm.guest.sees === 'always' ? vm.live : [];
  return {
    power: vm.power,
    answers,
    devices: devices.map((address) => ({ address, healthy: vm.guest.healthy })),
  };
}

function isHost(found: unknown): found is MachineHost {
  return typeof found === 'object' && found !== null && 'machineId' in found;
}

function withIdentity(host: MachineHost): MachineHost & { identity: string } {
  return { ...host, identity: identityOf(host) };
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > mostBytes)
      refuse('bad-request', 'the body is too large', { expected: `at most ${mostBytes} bytes` });
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return refuse('bad-request', 'the body is not JSON', {
      expected: 'a JSON document',
      actual: JSON.stringify(text.slice(0, 60)),
    });
  }
}
