import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { isReason } from '../../../domain/failures.js';
import type { Hypervisor, ProbeQuery } from '../../../domain/hypervisor.js';
import { failureOf as translate } from '../../../hypervisors/simulated/faults.js';
import { refusalCodes } from '../../../hypervisors/simulated/machine/refusal.js';
import { failureOf, Orders, until } from '../orders.js';
import { SimulatorProcess } from './simulator.js';

const simulator = new SimulatorProcess();
const disk = '0000:02:00.0';
const hot = { device: disk, vm: 'voip-gateway', placement: 'hot' } as const;
let hypervisor: Hypervisor;
let orders: Orders;

beforeAll(() => simulator.start());
beforeEach(async () => {
  await simulator.reset();
  await hypervisor?.close();
  hypervisor = simulator.adapter();
  orders = await Orders.over(hypervisor, 'sim-01');
});
afterAll(async () => {
  await hypervisor.close();
  await simulator.stop();
});

const effectsOf = async (opId: string): Promise<number> =>
  (await simulator.effects()).filter((entry) => entry.opId === opId).length;
const fired = async (): Promise<number[]> =>
  (await simulator.call<{ fired: number }[]>('GET', '/faults')).map((fault) => fault.fired);

describe('an injected fault', () => {
  it('before an act leaves no effect, and a newer attempt of the same order may try again', async () => {
    await simulator.fault({ kind: 'before', verb: 'dismount' });
    const order = orders.order(orders.act('dismount', { device: disk }));
    expect((await failureOf(orders.send(order))).reason).toBe('act-refused');
    expect(await orders.reached('dismount', { device: disk })).toBe('no');
    expect((await failureOf(orders.send(order))).reason).toBe('act-refused');
    expect((await orders.send({ ...order, attempt: 2 })).result).toBe('done');
    expect(await effectsOf(order.opId)).toBe(1);
    expect(await fired()).toEqual([1]);
  });

  it('after an act hides an effect behind an error; observing it shows the truth', async () => {
    await simulator.fault({ kind: 'after', verb: 'dismount', code: 'failed' });
    const order = orders.order(orders.act('dismount', { device: disk }));
    expect(await failureOf(orders.send(order))).toMatchObject({
      reason: 'act-refused',
      cause: 'injected fault: after',
    });
    expect(await orders.reached('dismount', { device: disk })).toBe('yes');
    expect((await orders.send({ ...order, attempt: 2 })).result).toBe('already');
    expect(await effectsOf(order.opId)).toBe(1);
  });

  it('that loses the reply is an unknown outcome, and the same order finds its effect', async () => {
    await simulator.fault({ kind: 'lost-reply', verb: 'dismount' });
    const order = orders.order(orders.act('dismount', { device: disk }));
    expect((await failureOf(orders.send(order))).reason).toBe('outcome-unknown');
    expect((await orders.send({ ...order, attempt: 2 })).result).toBe('done');
    expect(await effectsOf(order.opId)).toBe(1);
  });

  it('goes on eating replies for as many calls as it was set for', async () => {
    await simulator.fault({ kind: 'lost-reply', verb: 'dismount', count: 3 });
    const order = orders.order(orders.act('dismount', { device: disk }));
    for (const attempt of [1, 2, 3]) {
      expect((await failureOf(orders.send({ ...order, attempt }))).reason).toBe('outcome-unknown');
    }
    expect((await orders.send({ ...order, attempt: 4 })).result).toBe('done');
    expect(await effectsOf(order.opId)).toBe(1);
    expect(await fired()).toEqual([3]);
  });

  it.each([
    ['done', 'yes'],
    ['none', 'no'],
  ])('that hangs with effect %s answers nobody until the caller gives up', async (effect, reached) => {
    await simulator.fault({ kind: 'hang', verb: 'dismount', effect });
    const caller = new AbortController();
    const order = orders.order(orders.act('dismount', { device: disk }));
    let ended = false;
    const given = failureOf(orders.send(order, () => undefined, caller.signal)).finally(() => (ended = true));
    await until('the fault fires', async () => (await fired())[0] === 1, 5000);
    await until(
      'the world shows it',
      async () => (await orders.reached('dismount', { device: disk })) === reached,
      5000,
    );
    expect(ended).toBe(false);
    caller.abort();
    expect((await given).reason).toBe('outcome-unknown');
    expect((await orders.send({ ...order, attempt: 2 })).result).toBe('done');
    expect(await effectsOf(order.opId)).toBe(1);
  });

  it('that finishes late is joined by a second caller and happens once', async () => {
    await simulator.fault({ kind: 'late', verb: 'dismount', afterMs: 300 });
    const order = orders.order(orders.act('dismount', { device: disk }));
    expect((await failureOf(orders.send(order))).reason).toBe('outcome-unknown');
    expect(await orders.reached('dismount', { device: disk })).toBe('no');
    expect((await orders.send({ ...order, attempt: 2 })).result).toBe('done');
    expect(await effectsOf(order.opId)).toBe(1);
    expect((await simulator.effects()).at(-1)?.late).toBe(true);
  });

  it('that finishes late holds up a newer epoch, so that no look misses its effect', async () => {
    await simulator.fault({ kind: 'late', verb: 'dismount', afterMs: 300 });
    const order = orders.order(orders.act('dismount', { device: disk }));
    await failureOf(orders.send(order));
    const fence = { epoch: order.epoch + 1, keys: order.keys, hostIdentity: order.hostIdentity };
    const view = await hypervisor.inspect({ host: 'sim-01', fence });
    expect(view.devices.find((device) => device.address === disk)?.holder.kind).toBe('nobody');
    expect((await failureOf(orders.send({ ...order, attempt: 2 }))).reason).toBe('stale-epoch');
  });

  it.each([
    ['dismount', { device: disk }, { kind: 'nobody', driver: null }],
    ['mount', { device: disk }, { kind: 'host', driver: null }],
  ] as const)(
    'that stops a %s half-way leaves the device without a driver; ordering it again completes it',
    async (verb, subject, holder) => {
      if (verb === 'mount') await orders.give('dismount', subject);
      await simulator.fault({ kind: 'partial', verb });
      expect((await failureOf(orders.give(verb, subject))).reason).toBe('act-refused');
      expect((await orders.look(disk)).holder).toEqual(holder);
      expect(await orders.reached(verb, subject)).toBe('no');
      expect((await orders.give(verb, subject)).result).toBe('done');
      expect(await orders.reached(verb, subject)).toBe('yes');
    },
  );

  it('that stops an attach half-way leaves it in the running VM only', async () => {
    await orders.give('dismount', { device: disk });
    await simulator.fault({ kind: 'partial', verb: 'attach' });
    await failureOf(orders.give('attach', hot));
    const view = await hypervisor.inspect({ host: 'sim-01' });
    expect(view.vms.find((vm) => vm.name === hot.vm)?.devices).toEqual([
      { address: disk, live: true, config: false },
    ]);
    expect(await orders.reached('attach', hot)).toBe('no');
    expect((await orders.give('detach', hot)).result).toBe('done');
  });

  it('hits only the verb, device, VM and host it names', async () => {
    await simulator.fault({ kind: 'before', verb: 'mount' });
    await simulator.fault({ kind: 'before', address: '0000:01:00.0' });
    await simulator.fault({ kind: 'before', vm: 'archive' });
    await simulator.fault({ kind: 'before', host: 'sim-02' });
    expect((await orders.give('dismount', { device: disk })).result).toBe('done');
    expect(await fired()).toEqual([0, 0, 0, 0]);
    expect((await failureOf(orders.give('dismount', { device: '0000:01:00.0' }))).reason).toBe('act-refused');
    expect(await fired()).toEqual([0, 1, 0, 0]);
  });

  it.each([
    ['before', 'host-unreachable'],
    ['lost-reply', 'host-unreachable'],
  ])('%s a look is a host that does not answer: nothing is unknown about a read', async (kind, reason) => {
    for (const method of ['inspect', 'observe', 'snapshot', 'probe']) await simulator.fault({ kind, method });
    const vm = orders.vm('voip-gateway');
    const probe: ProbeQuery = {
      host: 'sim-01',
      vm,
      devices: [],
      expect: 'present',
      probe: 'agent',
      patienceSeconds: 1,
    };
    const looks = [
      hypervisor.inspect({ host: 'sim-01' }),
      hypervisor.observe(orders.act('dismount', { device: disk })),
      hypervisor.snapshot({ host: 'sim-01', devices: [], vms: [] }),
      hypervisor.probe(probe, () => undefined, new AbortController().signal),
    ];
    for (const look of looks) expect((await failureOf(look)).reason).toBe(reason);
    expect(await fired()).toEqual([1, 1, 1, 1]);
  });

  it('can carry any of the host’s own words, each with a reason of the product', async () => {
    for (const code of refusalCodes) {
      const { reason, message, where, cause } = translate('sim-01', { code, text: 'its own words' });
      expect(isReason(reason)).toBe(true);
      expect({ where, cause }).toEqual({ where: { host: 'sim-01' }, cause: 'its own words' });
      expect(message).toContain('sim-01');
    }
    await simulator.fault({ kind: 'before', verb: 'dismount', code: 'dead' });
    expect((await failureOf(orders.give('dismount', { device: disk }))).reason).toBe('device-dead');
  });

  it.each([
    [{ kind: 'sometimes' }, 'faults[0].kind'],
    [{}, 'faults[0].kind'],
    [{ kind: 'before', verb: 'explode' }, 'faults[0].verb'],
    [{ kind: 'before', chance: 1 }, 'faults[0].chance'],
    [{ kind: 'late', method: 'inspect' }, 'faults[0].kind'],
    [{ kind: 'before', count: -1 }, 'faults[0].count'],
  ])('that means nothing (%j) is refused', async (fault, place) => {
    await expect(simulator.fault(fault)).rejects.toThrow(place);
  });
});

describe('a delay', () => {
  it('keeps the device locked: another order is told that the guard is busy, and nothing is done twice', async () => {
    await simulator.call('PUT', '/delays', { dismount: 2500 });
    const slow = orders.send(orders.order(orders.act('dismount', { device: disk })));
    await until(
      'it runs',
      async () =>
        (await simulator.call<{ running: string[] }>('GET', '/hosts/sim-01/guard')).running.length === 1,
      2000,
    );
    expect((await failureOf(orders.give('mount', { device: disk }))).reason).toBe('guard-busy');
    expect((await slow).result).toBe('done');
  });
});

describe('orders for one device at once', () => {
  it('go one by one: an older one that waited can’t undo what a newer one found', async () => {
    await simulator.call('PUT', '/delays', { dismount: 100, mount: 100 });
    const acts = (['dismount', 'mount', 'dismount'] as const).map((verb) =>
      orders.act(verb, { device: disk }),
    );
    await Promise.allSettled(acts.map((act) => orders.send(orders.order(act))));
    expect(await orders.reached('dismount', { device: disk })).toBe('yes');
  });
});

describe('an order that waits for its turn', () => {
  it('is refused if a newer epoch was published meanwhile', async () => {
    await simulator.call('PUT', '/delays', { dismount: 400 });
    const slow = orders.send(orders.order(orders.act('dismount', { device: disk })));
    const waiting = orders.order(orders.act('mount', { device: disk }));
    const sent = Promise.withResolvers<void>();
    const late = failureOf(orders.send(waiting, (note) => note === 'sent' && sent.resolve()));
    await sent.promise;
    const fence = { epoch: orders.epoch + 1, keys: waiting.keys, hostIdentity: waiting.hostIdentity };
    await hypervisor.inspect({ host: 'sim-01', fence });
    expect((await slow).result).toBe('done');
    expect((await late).reason).toBe('stale-epoch');
    expect(await orders.reached('dismount', { device: disk })).toBe('yes');
  });
});

describe('a simulator that is gone', () => {
  it('is a host that does not answer, not an unknown outcome', async () => {
    const gone = new SimulatorProcess();
    await gone.start();
    const adapter = gone.adapter();
    const over = await Orders.over(adapter, 'sim-01');
    await gone.stop();
    expect((await failureOf(adapter.inspect({ host: 'sim-01' }))).reason).toBe('host-unreachable');
    expect((await failureOf(over.give('dismount', { device: disk }))).reason).toBe('host-unreachable');
    await adapter.close();
  });

  it('in the middle of an act leaves the outcome unknown', async () => {
    const dying = new SimulatorProcess();
    await dying.start();
    const adapter = dying.adapter();
    const over = await Orders.over(adapter, 'sim-01');
    await dying.call('PUT', '/delays', { dismount: 60_000 });
    const given = over.send(
      over.order(over.act('dismount', { device: disk })),
      (note) => note === 'sent' && void dying.kill(),
    );
    expect((await failureOf(given)).reason).toBe('outcome-unknown');
    await adapter.close();
  });
});
