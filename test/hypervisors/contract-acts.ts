import { expect } from '@jest/globals';
import { FactName } from '../../domain/evidence.js';
import type { Check } from './contract.js';
import { failureOf, type Orders, type Subject, until } from './orders.js';
import type { Verb } from '../../domain/act.js';

/** Done once, already so when ordered again, and both seen by `observe`. */
async function doneThenAlready(orders: Orders, verb: Verb, subject: Subject): Promise<void> {
  expect(await orders.reached(verb, subject)).toBe('no');
  const first = await orders.give(verb, subject);
  expect(first.result).toBe('done');
  expect(first.ran.length).toBeGreaterThan(0);
  expect(first.before.length).toBeGreaterThan(0);
  expect(first.after.map((fact) => fact.value)).not.toEqual(first.before.map((fact) => fact.value));
  expect(await orders.reached(verb, subject)).toBe('yes');
  const second = await orders.give(verb, subject);
  expect(second).toMatchObject({ result: 'already', ran: [] });
  expect(await orders.reached(verb, subject)).toBe('yes');
}

/** What acts do and what the host refuses. */
export function actContract(check: Check): void {
  check(
    'dismounts and mounts a device once, however often it is ordered',
    async ({ orders, world: { single } }) => {
      await doneThenAlready(orders, 'dismount', { device: single });
      expect((await orders.look(single)).holder.kind).toBe('nobody');
      await doneThenAlready(orders, 'mount', { device: single });
      expect((await orders.look(single)).holder).toEqual({
        kind: 'host',
        driver: orders.device(single).hostDriver,
      });
    },
  );

  check('attaches to and detaches from a running VM', async ({ orders, world: { single, running } }) => {
    await orders.give('dismount', { device: single });
    await doneThenAlready(orders, 'attach', { device: single, vm: running, placement: 'hot' });
    expect((await orders.look(single)).holder).toEqual({ kind: 'vm', vm: running });
    await doneThenAlready(orders, 'detach', { device: single, vm: running, placement: 'hot' });
    expect((await orders.look(single)).holder.kind).toBe('nobody');
  });

  check('attaches to and detaches from a VM that is off', async ({ orders, world: { single, off } }) => {
    await orders.give('dismount', { device: single });
    await doneThenAlready(orders, 'attach', { device: single, vm: off, placement: 'cold' });
    await doneThenAlready(orders, 'detach', { device: single, vm: off, placement: 'cold' });
  });

  check(
    'keeps a hot-attached device through a power cycle of its VM',
    async ({ orders, world: { single, running } }) => {
      await orders.give('dismount', { device: single });
      await orders.give('attach', { device: single, vm: running, placement: 'hot' });
      await doneThenAlready(orders, 'quiesce', { vm: running, force: true });
      expect((await orders.look(single)).holder).toEqual({ kind: 'vm', vm: running });
      await doneThenAlready(orders, 'resume', { vm: running });
      expect(await orders.reached('attach', { device: single, vm: running, placement: 'hot' })).toBe('yes');
    },
  );

  check(
    'frees a VM that was cut off before its guest released the device',
    async ({ orders, world: { single, running } }) => {
      const subject = { device: single, vm: running, placement: 'hot' } as const;
      await orders.give('dismount', { device: single });
      await orders.give('attach', subject);
      await orders.give('quiesce', { vm: running, force: true });
      expect((await orders.give('detach', subject)).result).toBe('done');
      await orders.give('resume', { vm: running });
      expect(await orders.reached('detach', subject)).toBe('yes');
    },
  );

  check(
    'attaches a whole unit and takes it back member by member',
    async ({ orders, world: { unit, running } }) => {
      for (const device of unit) await orders.give('dismount', { device });
      for (const device of unit) await orders.give('attach', { device, vm: running, placement: 'hot' });
      const facts = await orders.snapshot(unit, [running]);
      expect(facts.filter((fact) => fact.name === FactName.holder).map((fact) => fact.value)).toEqual(
        unit.map(() => `vm ${running}`),
      );
      for (const device of unit) await orders.give('detach', { device, vm: running, placement: 'hot' });
      for (const device of unit) expect((await orders.give('mount', { device })).result).toBe('done');
    },
  );

  check(
    'refuses to attach while a member of the unit is with the host',
    async ({ orders, world: { unit, running } }) => {
      const subject = { device: unit[0]!, vm: running, placement: 'hot' } as const;
      await orders.give('dismount', { device: unit[0]! });
      expect(await failureOf(orders.give('attach', subject))).toMatchObject({ reason: 'unit-not-viable' });
      expect(await orders.reached('attach', subject)).toBe('no');
    },
  );

  check(
    'gives no member back while another one is still in a VM',
    async ({ orders, world: { unit, running } }) => {
      const [first = '', second = ''] = unit;
      for (const device of unit) await orders.give('dismount', { device });
      for (const device of unit) await orders.give('attach', { device, vm: running, placement: 'hot' });
      await orders.give('detach', { device: first, vm: running, placement: 'hot' });
      const refusal = await failureOf(orders.give('mount', { device: first }));
      expect(refusal).toMatchObject({
        reason: 'device-in-use-by-vm',
        actual: expect.stringContaining(second),
      });
      expect(await orders.reached('mount', { device: first })).toBe('no');
    },
  );

  check(
    'does not take a device that the host uses, and says what for',
    async ({ orders, world: { inUse } }) => {
      const refusal = await failureOf(orders.give('dismount', { device: inUse.address }));
      expect(refusal).toMatchObject({
        reason: 'device-in-use-by-host',
        where: { host: orders.host, address: inUse.address },
        actual: expect.stringContaining(inUse.kind),
      });
      expect((await orders.look(inUse.address)).holder).toEqual(
        orders.home.devices.find((one) => one.address === inUse.address)?.holder,
      );
    },
  );

  check(
    'does not take a device from another VM',
    async ({ orders, world: { single, running, neighbour } }) => {
      await orders.give('dismount', { device: single });
      await orders.give('attach', { device: single, vm: neighbour, placement: 'hot' });
      const refusal = await failureOf(
        orders.give('attach', { device: single, vm: running, placement: 'hot' }),
      );
      expect(refusal).toMatchObject({
        reason: 'device-in-use-by-vm',
        actual: expect.stringContaining(neighbour),
      });
      expect((await orders.look(single)).holder).toEqual({ kind: 'vm', vm: neighbour });
    },
  );

  check(
    'does not attach a device that is still with its driver',
    async ({ orders, world: { single, running } }) => {
      const refusal = await failureOf(
        orders.give('attach', { device: single, vm: running, placement: 'hot' }),
      );
      expect(refusal.reason).toBe('unit-not-viable');
      expect((await orders.look(single)).holder.kind).toBe('host');
    },
  );

  check(
    'does not plug into a VM that is off, nor change one that runs as if it were off',
    async ({ orders, world }) => {
      const { single, running, off } = world;
      await orders.give('dismount', { device: single });
      const hot = await failureOf(orders.give('attach', { device: single, vm: off, placement: 'hot' }));
      const cold = await failureOf(orders.give('attach', { device: single, vm: running, placement: 'cold' }));
      expect([hot.reason, cold.reason]).toEqual(['vm-state-unfit', 'vm-state-unfit']);
      expect((await orders.look(single)).holder.kind).toBe('nobody');
    },
  );

  check(
    'has nothing to do when the device to detach is not there',
    async ({ orders, world: { single, running } }) => {
      const report = await orders.give('detach', { device: single, vm: running, placement: 'hot' });
      expect(report).toMatchObject({ result: 'already', ran: [] });
    },
  );

  check('does not touch another card at the same address', async ({ orders, world: { single } }) => {
    const act = orders.act('dismount', { device: single });
    const other = {
      ...act,
      device: { ...orders.device(single), fingerprint: { ...act.device!.fingerprint, serial: 'other-card' } },
    };
    const refusal = await failureOf(orders.send(orders.order(other)));
    expect(refusal).toMatchObject({
      reason: 'fingerprint-mismatch',
      expected: expect.stringContaining('other-card'),
    });
    expect((await orders.look(single)).holder.kind).toBe('host');
  });

  check(
    'does not touch a VM that was made anew under the old name',
    async ({ orders, world: { running } }) => {
      const act = orders.act('quiesce', { vm: running, force: true });
      const other = { ...act, vm: { name: running, uuid: '00000000-0000-4000-8000-00000000dead' } };
      expect((await failureOf(orders.send(orders.order(other)))).reason).toBe('vm-unknown');
      expect(await orders.reached('resume', { vm: running })).toBe('yes');
    },
  );

  check(
    'waits for a guest in vain, says so, and survives its late answer',
    async ({ orders, world, guestSeconds }) => {
      const subject = { device: world.single, vm: world.running, placement: 'hot' } as const;
      await orders.give('dismount', { device: world.single });
      await orders.give('attach', subject);
      await world.deafen();
      try {
        expect((await failureOf(orders.give('detach', subject))).reason).toBe('detach-pending');
        expect(await orders.reached('detach', subject)).toBe('no');
        const early = await failureOf(orders.give('mount', { device: world.single }));
        expect(early.reason).toBe('device-in-use-by-vm');
      } finally {
        await world.wake();
      }
      const left = async (): Promise<boolean> => {
        const view = await orders.hypervisor.inspect({ host: world.host });
        const vm = view.vms.find((one) => one.name === world.running);
        return !vm?.devices.some((device) => device.address === world.single && device.live);
      };
      await until('the guest releases the device late', left, guestSeconds * 1000);
      await orders.give('detach', subject);
      expect(await orders.reached('detach', subject)).toBe('yes');
      expect((await orders.give('mount', { device: world.single })).result).toBe('done');
    },
  );
}
