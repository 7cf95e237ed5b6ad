import { expect } from '@jest/globals';
import { claimKeys } from '../../domain/act.js';
import type { Fence, HostView } from '../../domain/hypervisor.js';
import type { Check } from './contract.js';
import { failureOf, type Orders, until } from './orders.js';

const hostile = [
  '0000:02:00.0; reboot',
  '$(reboot)',
  '`reboot`',
  "'; reboot; '",
  '"><address/>',
  '--live',
  '-c test:///default',
  '../../../etc/passwd',
  '0000:02:00.0\nreboot',
  'nul\0byte',
  '',
  'x'.repeat(5000),
];

function fenceOf(orders: Orders, address: string, epoch: number): Fence {
  const hostIdentity = orders.home.host.identity;
  return {
    epoch,
    hostIdentity,
    keys: claimKeys(hostIdentity, [orders.act('dismount', { device: address })]),
  };
}

/** What matters of a view when nothing may have changed. */
function essence({ devices, vms }: HostView): unknown {
  return {
    devices: devices.map(({ address, holder }) => ({ address, holder })),
    vms: vms.map(({ name, power, devices: named }) => ({ name, power, named })),
  };
}

/** Who may act, and what becomes of orders that are repeated, late, wrong or hostile. */
export function guardContract(check: Check): void {
  check(
    'joins an order that is repeated while it runs, instead of doing it twice',
    async ({ orders, world: { single } }) => {
      const order = orders.order(orders.act('dismount', { device: single }));
      const reports = await Promise.all([
        orders.send(order),
        orders.send(order),
        orders.send({ ...order, attempt: 2 }),
      ]);
      expect(reports.map((report) => report.result)).toEqual(['done', 'done', 'done']);
    },
  );

  check('gives the outcome of an order again after it has ended', async ({ orders, world: { single } }) => {
    const order = orders.order(orders.act('dismount', { device: single }));
    const first = await orders.send(order);
    expect(await orders.send({ ...order, attempt: 2 })).toMatchObject({
      result: first.result,
      ran: first.ran,
    });
  });

  check('tells when an order is on its way', async ({ orders, world: { single } }) => {
    const notes: string[] = [];
    await orders.send(orders.order(orders.act('dismount', { device: single })), (note) => notes.push(note));
    expect(notes.filter((note) => note === 'sent')).toHaveLength(1);
  });

  check(
    'refuses a late worker after a newer epoch was published by a look',
    async ({ orders, world: { host, single } }) => {
      const late = orders.order(orders.act('dismount', { device: single }));
      const fence = fenceOf(orders, single, ++orders.epoch);
      await orders.hypervisor.inspect({ host, fence });
      expect((await failureOf(orders.send(late))).reason).toBe('stale-epoch');
      expect(await orders.reached('dismount', { device: single })).toBe('no');
      expect((await orders.give('dismount', { device: single })).result).toBe('done');
    },
  );

  check(
    'refuses a late worker after a newer epoch was published by a snapshot',
    async ({ orders, world: { host, single } }) => {
      const late = orders.order(orders.act('dismount', { device: single }));
      const fence = fenceOf(orders, single, ++orders.epoch);
      await orders.hypervisor.snapshot({ host, devices: [orders.device(single)], vms: [], fence });
      expect((await failureOf(orders.send(late))).reason).toBe('stale-epoch');
      expect(await orders.reached('dismount', { device: single })).toBe('no');
    },
  );

  check(
    'refuses to publish an epoch that is older than the last',
    async ({ orders, world: { host, single } }) => {
      await orders.hypervisor.inspect({ host, fence: fenceOf(orders, single, orders.epoch) });
      const older = fenceOf(orders, single, orders.epoch - 1);
      expect((await failureOf(orders.hypervisor.inspect({ host, fence: older }))).reason).toBe('stale-epoch');
    },
  );

  check(
    'publishes the same epoch twice without forgetting the orders of it',
    async ({ orders, world: { host, single } }) => {
      const late = orders.order(orders.act('mount', { device: single }));
      await orders.give('dismount', { device: single });
      await orders.hypervisor.inspect({ host, fence: fenceOf(orders, single, orders.epoch) });
      expect((await failureOf(orders.send(late))).reason).toBe('stale-epoch');
    },
  );

  check(
    'refuses an older order and an older attempt of the same epoch',
    async ({ orders, world: { single } }) => {
      const older = orders.order(orders.act('mount', { device: single }));
      const newer = orders.order(orders.act('dismount', { device: single }), { attempt: 2 });
      await orders.send(newer);
      expect((await failureOf(orders.send(older))).reason).toBe('stale-epoch');
      const attempt = orders.order(orders.act('mount', { device: single }), {
        sequence: newer.sequence,
        attempt: 1,
      });
      expect((await failureOf(orders.send(attempt))).reason).toBe('stale-epoch');
      expect(await orders.reached('dismount', { device: single })).toBe('yes');
    },
  );

  check(
    'does nothing on another machine that answers under the name',
    async ({ orders, world: { host, single } }) => {
      const hostIdentity = 'f'.repeat(64);
      const act = orders.act('dismount', { device: single });
      const order = orders.order(act, { hostIdentity, keys: claimKeys(hostIdentity, [act]) });
      expect((await failureOf(orders.send(order))).reason).toBe('host-identity-changed');
      const fence = { ...fenceOf(orders, single, orders.epoch), hostIdentity };
      expect((await failureOf(orders.hypervisor.inspect({ host, fence }))).reason).toBe(
        'host-identity-changed',
      );
      expect(await orders.reached('dismount', { device: single })).toBe('no');
    },
  );

  check(
    'calls an order unknown that was given up on its way, and joins it later',
    async ({ orders, world, guestSeconds }) => {
      const { single } = world;
      const order = orders.order(orders.act('dismount', { device: single }));
      const caller = new AbortController();
      const given = orders.send(order, (note) => note === 'sent' && caller.abort(), caller.signal);
      expect((await failureOf(given)).reason).toBe('outcome-unknown');
      const joined = await orders.send({ ...order, attempt: 2 });
      expect(['done', 'already']).toContain(joined.result);
      await until(
        'the order has its effect',
        async () => (await orders.reached('dismount', { device: single })) === 'yes',
        guestSeconds * 1000,
      );
    },
  );

  check(
    'does not start an order that was given up before it was sent',
    async ({ orders, world: { single } }) => {
      const order = orders.order(orders.act('dismount', { device: single }));
      const given = orders.send(order, () => undefined, AbortSignal.abort());
      expect((await failureOf(given)).reason).toBe('outcome-unknown');
      expect(await orders.reached('dismount', { device: single })).toBe('no');
    },
  );

  check(
    'refuses hostile addresses clearly and touches nothing',
    async ({ orders, world: { host, single } }) => {
      for (const address of [...hostile, '0000:fe:1f.7']) {
        const device = { ...orders.device(single), address, members: [address] };
        const refusal = await failureOf(
          Promise.resolve().then(() => orders.send(orders.order({ verb: 'dismount', host, device }))),
        );
        expect(['request-invalid', 'device-unknown']).toContain(refusal.reason);
        expect(refusal.message).toMatch(/^\P{Cc}{1,1000}$/u);
      }
      expect(essence(await orders.hypervisor.inspect({ host }))).toEqual(essence(orders.home));
    },
  );

  check(
    'refuses hostile VM names clearly and touches nothing',
    async ({ orders, world: { host, running } }) => {
      for (const name of hostile) {
        const vm = { name, uuid: orders.vm(running).uuid };
        const act = { verb: 'quiesce', host, vm, force: true } as const;
        const refusal = await failureOf(Promise.resolve().then(() => orders.send(orders.order(act))));
        expect(['request-invalid', 'vm-unknown']).toContain(refusal.reason);
        expect(refusal.message).toMatch(/^\P{Cc}{1,1000}$/u);
      }
      expect(essence(await orders.hypervisor.inspect({ host }))).toEqual(essence(orders.home));
    },
  );
}
