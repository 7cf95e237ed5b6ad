import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Hypervisor } from '../../../domain/hypervisor.js';
import type { LedgerEntry } from '../../../hypervisors/simulated/machine/ledger.js';
import { failureOf, Orders } from '../orders.js';
import { demoWorld, SimulatorProcess, spawnSimulator } from './simulator.js';

const disk = '0000:02:00.0';
const hot = { device: disk, vm: 'voip-gateway', placement: 'hot' } as const;
const directory = mkdtempSync(join(tmpdir(), 'simulator-restart-'));
const simulator = new SimulatorProcess();
let hypervisor: Hypervisor;
let orders: Orders;

beforeAll(() => simulator.start());
beforeEach(async () => {
  await simulator.reset();
  hypervisor = simulator.adapter();
  orders = await Orders.over(hypervisor, 'sim-01');
});
afterEach(() => hypervisor.close());
afterAll(async () => {
  await simulator.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** The power comes back. The same orders go on, to the new process. */
async function startAgain(): Promise<void> {
  await simulator.start();
  await hypervisor.close();
  hypervisor = simulator.adapter();
  Object.assign(orders, { hypervisor });
}

async function powerCycle(): Promise<void> {
  await simulator.kill();
  await startAgain();
}

const wholeLedger = (): LedgerEntry[] =>
  readFileSync(simulator.ledger, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LedgerEntry);

/** The ledger of this test. */
function lines(): LedgerEntry[] {
  const all = wholeLedger();
  return all.slice(all.findLastIndex((entry) => entry.kind === 'reset') + 1);
}

const effects = (): LedgerEntry[] => lines().filter((entry) => entry.kind === 'effect');

/** How a start that fails ends, and what it says. */
async function failedStart(argv: string[]): Promise<{ code: number | null; text: string }> {
  const child = spawnSimulator(argv);
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, text };
}

describe('a simulator that was killed', () => {
  it('has its devices, VMs, epochs and journal back from world and ledger', async () => {
    const order = orders.order(orders.act('dismount', { device: disk }));
    const first = await orders.send(order);
    await orders.give('attach', hot);
    const before = await hypervisor.inspect({ host: 'sim-01' });
    await powerCycle();
    expect(await hypervisor.inspect({ host: 'sim-01' })).toEqual(before);
    const late = orders.order(orders.act('detach', hot), { epoch: order.epoch - 1 });
    expect((await failureOf(orders.send(late))).reason).toBe('stale-epoch');
    expect((await failureOf(orders.send({ ...order, attempt: 2 }))).reason).toBe('stale-epoch');
    const again = { ...order, sequence: ++orders.sequence };
    expect(await orders.send(again)).toEqual(first);
  });

  it('in the middle of an act has no effect of it, does not remember it as done, and can be ordered again', async () => {
    await simulator.call('PUT', '/delays', { dismount: 60_000 });
    const order = orders.order(orders.act('dismount', { device: disk }));
    const given = failureOf(orders.send(order, (note) => note === 'sent' && void simulator.kill()));
    expect((await given).reason).toBe('outcome-unknown');
    await startAgain();
    expect(await orders.reached('dismount', { device: disk })).toBe('no');
    expect((await orders.send({ ...order, attempt: 2 })).result).toBe('done');
  });

  it('goes on with the sequence of its ledger, which nothing ever changes', async () => {
    await orders.give('dismount', { device: disk });
    const before = readFileSync(simulator.ledger, 'utf8');
    await powerCycle();
    await orders.give('attach', hot);
    expect(readFileSync(simulator.ledger, 'utf8').startsWith(before)).toBe(true);
    const sequences = wholeLedger().map((entry) => entry.sequence);
    expect(sequences).toEqual(sequences.map((_, index) => index + 1));
  });

  it('drops a torn last line and nothing else', async () => {
    await orders.give('dismount', { device: disk });
    await simulator.kill();
    appendFileSync(simulator.ledger, '{"sequence":99,"kind":"eff');
    await startAgain();
    expect(effects().map((entry) => entry.verb)).toEqual(['dismount']);
    await orders.give('mount', { device: disk });
    expect(effects().map((entry) => entry.verb)).toEqual(['dismount', 'mount']);
  });

  it('comes back with a guard that has lost its state, until an operator seeds it', async () => {
    await simulator.operator({ do: 'lose-guard' });
    await powerCycle();
    expect((await failureOf(orders.give('dismount', { device: disk }))).reason).toBe('guard-missing');
    const fence = { epoch: orders.epoch, keys: ['vm/x'], hostIdentity: orders.home.host.identity };
    expect((await failureOf(hypervisor.inspect({ host: 'sim-01', fence }))).reason).toBe('guard-missing');
    await simulator.operator({ do: 'seed-guard' });
    await powerCycle();
    expect((await orders.give('dismount', { device: disk })).result).toBe('done');
  });

  it('stays pristine after a reset, although the ledger keeps what was', async () => {
    await orders.give('dismount', { device: disk });
    const before = effects();
    await simulator.reset();
    await powerCycle();
    expect((await orders.look(disk)).holder).toEqual({ kind: 'host', driver: 'nvme' });
    expect(wholeLedger()).toEqual(expect.arrayContaining(before));
    expect(effects()).toEqual([]);
  });
});

describe('the ledger', () => {
  it('tells for each effect when, where, for which order, and what was before and after', async () => {
    const order = orders.order(orders.act('dismount', { device: disk }), { attempt: 3 });
    await orders.send(order);
    const [effect] = effects();
    expect(effect).toMatchObject({
      kind: 'effect',
      host: 'sim-01',
      opId: order.opId,
      epoch: order.epoch,
      order: { sequence: order.sequence, attempt: 3 },
      verb: 'dismount',
      subject: disk,
      before: { [`device ${disk}`]: { driver: 'nvme', reserved: false } },
      after: { [`device ${disk}`]: { driver: 'passthrough', reserved: true } },
    });
    expect(Date.parse(effect!.at)).toBeGreaterThan(Date.now() - 60_000);
  });

  it('has an effect on disk before its order is answered', async () => {
    await orders.give('dismount', { device: disk });
    expect(lines().map((entry) => entry.kind)).toEqual(['begun', 'effect', 'finished']);
  });

  it('has no effect for an order that found nothing to do or was refused', async () => {
    await orders.give('dismount', { device: disk });
    await orders.give('dismount', { device: disk });
    await failureOf(orders.give('dismount', { device: '0000:07:00.0' }));
    expect(effects()).toHaveLength(1);
  });

  it('keeps parallel orders apart: each effect names only what its own order changed', async () => {
    await simulator.call('PUT', '/delays', { dismount: 30 });
    const devices = ['0000:01:00.0', disk, '0000:08:00.0', '0000:06:00.0'];
    await Promise.all(devices.map((device) => orders.give('dismount', { device })));
    const found = effects();
    expect(found.map((entry) => Object.keys(entry.after ?? {}))).toEqual(
      found.map((entry) => [`device ${entry.subject}`]),
    );
    expect(found.map((entry) => entry.subject).sort()).toEqual([...devices].sort());
  });

  it('shows deeds by hand as such, not as effects of an order', async () => {
    await simulator.operator({ do: 'swap', device: disk, fingerprint: { serial: 'N9' } });
    expect(effects()).toEqual([]);
    expect(lines().at(-1)).toMatchObject({
      kind: 'operator',
      verb: 'swap',
      after: { [`device ${disk}`]: { fingerprint: { serial: 'N9' } } },
    });
  });

  it('is what snapshots are read from, not the memory that acts are made in', async () => {
    await orders.give('dismount', { device: disk });
    const [effect] = lines().filter((entry) => entry.kind === 'effect');
    const forged = {
      ...effect,
      sequence: 4,
      opId: 'forged',
      after: { [`device ${disk}`]: { ...effect!.after![`device ${disk}`], driver: 'forged' } },
    };
    appendFileSync(simulator.ledger, `${JSON.stringify(forged)}\n`);
    const facts = await orders.snapshot([disk], []);
    expect(facts.find((fact) => fact.name === 'driver')?.value).toBe('forged');
    expect((await orders.look(disk)).holder).toEqual({ kind: 'nobody', driver: 'passthrough' });
  });
});

describe('the simulator’s process', () => {
  it('prints one line when it is ready, answers health, and ends with 0 when asked to', async () => {
    expect(await simulator.call('GET', '/healthz')).toEqual({ ready: true, hosts: ['sim-01', 'sim-02'] });
    const other = await new SimulatorProcess().start();
    expect(await other.stop()).toBe(0);
  });

  it('answers nobody who reached it under a name that only resolves to loopback', async () => {
    const { port } = new URL(simulator.url);
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      const headers = { host: `evil.example.net:${port}` };
      request({ port, host: '127.0.0.1', path: '/hosts', headers }, (response) =>
        resolve(response.statusCode),
      )
        .on('error', reject)
        .end();
    });
    expect(status).toBe(409);
  });

  it.each([
    ['no arguments', [], 'usage'],
    ['an unknown option', ['--worlds', 'x'], '--worlds'],
    [
      'a world that is not there',
      ['--world', '/nowhere/world.yaml', '--ledger', join(directory, 'a')],
      'ENOENT',
    ],
    [
      'a port that is none',
      ['--world', demoWorld, '--ledger', join(directory, 'a'), '--port', '99999'],
      '--port',
    ],
  ])('says what is wrong with %s', async (_, argv, expected) => {
    const { code, text } = await failedStart(argv);
    expect(code).toBe(1);
    expect(text).toContain(expected);
    expect(text.trim().split('\n')).toHaveLength(1);
  });

  it.each([
    ['POST', '/hosts/sim-01/orders', {}, 'order'],
    ['POST', '/hosts/sim-01/orders', { order: { act: {}, keys: 7 }, commands: [] }, 'keys'],
    ['POST', '/hosts/sim-01/orders', [], 'the body'],
    ['POST', '/hosts/sim-01/operator', { do: 'dance' }, 'operator.do'],
    ['POST', '/hosts/sim-01/probe', {}, 'no VM of this name'],
    ['PUT', '/delays', { attach: 'long' }, 'delays.attach'],
    ['GET', '/hosts/sim-01/secrets', undefined, 'GET secrets'],
    ['GET', '/nothing', undefined, 'GET nothing'],
  ])('refuses a call that means nothing: %s %s %j', async (method, where, body, expected) => {
    await expect(simulator.call(method, where, body)).rejects.toThrow(expected);
    expect(lines()).toEqual([]);
  });

  it('says that its port is taken', async () => {
    const { port } = new URL(simulator.url);
    const { code, text } = await failedStart([
      '--world',
      demoWorld,
      '--ledger',
      join(directory, 'b'),
      '--port',
      port,
    ]);
    expect(code).toBe(1);
    expect(text).toContain('EADDRINUSE');
  });

  it('does not start over a ledger that is broken in the middle, and names the line', async () => {
    const ledger = join(directory, 'broken.jsonl');
    writeFileSync(ledger, '{"sequence":1,"kind":"reset"}\nnonsense\n{"sequence":3,"kind":"reset"}\n');
    const { code, text } = await failedStart(['--world', demoWorld, '--ledger', ledger]);
    expect(code).toBe(1);
    expect(text).toContain('line 2');
  });

  it('does not start over the ledger of another world', async () => {
    const ledger = join(directory, 'other.jsonl');
    writeFileSync(ledger, '{"sequence":1,"kind":"effect","host":"sim-77","after":{}}\n');
    const { text } = await failedStart(['--world', demoWorld, '--ledger', ledger]);
    expect(text).toContain('sim-77');
  });
});
