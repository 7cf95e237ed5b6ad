import { expect } from '@jest/globals';
import { actName } from '../../domain/act.js';
import { normalAddress } from '../../domain/device.js';
import { compareFacts, FactName } from '../../domain/evidence.js';
import type { GuestProbe, ProbeQuery } from '../../domain/hypervisor.js';
import type { Bench, Check } from './contract.js';

const signal = (): AbortSignal => new AbortController().signal;

function probeQuery(
  { orders, world, guestSeconds }: Bench,
  expected: 'present' | 'absent',
  probe: GuestProbe,
): ProbeQuery {
  const devices = [orders.device(world.single)];
  const vm = orders.vm(world.running);
  return { host: world.host, vm, devices, expect: expected, probe, patienceSeconds: guestSeconds };
}

/** What can be seen. */
export function lookContract(check: Check): void {
  check(
    'shows every device once, by its normal address, with what it is and who holds it',
    async ({ orders: { home } }) => {
      const addresses = home.devices.map((device) => device.address);
      expect(new Set(addresses).size).toBe(addresses.length);
      for (const device of home.devices) {
        expect(device.address).toBe(normalAddress(device.address));
        expect(device.fingerprint).toMatchObject({
          vendor: expect.stringMatching(/^[0-9a-f]{4}$/),
          device: expect.stringMatching(/^[0-9a-f]{4}$/),
        });
        expect(device.name).not.toBe('');
        expect(['host', 'vm', 'nobody', 'unknown']).toContain(device.holder.kind);
      }
      expect(home.host.isolation).toBe('on');
      expect(home.host.missing).toEqual([]);
    },
  );

  check(
    'puts all members of a card into one unit, so that no sibling is forgotten',
    async ({ orders: { home }, world }) => {
      const unitOf = (address: string): string | undefined =>
        home.devices.find((one) => one.address === address)?.unit;
      expect(new Set(world.unit.map(unitOf)).size).toBe(1);
      const members = home.devices.filter((one) => one.unit === unitOf(world.unit[0]!) && !one.bridge);
      expect(members.map((one) => one.address).sort()).toEqual([...world.unit].sort());
      expect(home.devices.filter((one) => one.unit === unitOf(world.single) && !one.bridge)).toHaveLength(1);
    },
  );

  check(
    'names what the host uses a device for, so that nobody pulls a mounted disk',
    async ({ orders, world }) => {
      const device = await orders.look(world.inUse.address);
      expect(device.uses.map((use) => use.kind)).toContain(world.inUse.kind);
      expect(device.uses.every((use) => use.detail !== '')).toBe(true);
      expect((await orders.look(world.single)).uses).toEqual([]);
    },
  );

  check(
    'knows the host again by an identity that does not change between looks',
    async ({ orders, world }) => {
      const again = await orders.hypervisor.inspect({ host: world.host });
      expect(again.host).toEqual(orders.home.host);
      expect(again.host.identity.length).toBeGreaterThanOrEqual(16);
    },
  );

  check(
    'shows VMs with their power, their ports and no device they do not have',
    async ({ orders, world }) => {
      expect(orders.vm(world.running).power).toBe('running');
      expect(orders.vm(world.running).freePorts).toBeGreaterThanOrEqual(world.unit.length);
      expect(orders.vm(world.off).power).toBe('off');
      const named = orders.home.vms.flatMap((vm) => vm.devices.map((device) => device.address));
      expect(named).not.toContain(world.single);
    },
  );

  check(
    'gives the same native commands for the same act, without a trace of one execution',
    async ({ orders, world }) => {
      const { hypervisor } = orders;
      const acts = [
        orders.act('dismount', { device: world.single }),
        orders.act('mount', { device: world.single }),
        orders.act('attach', { device: world.single, vm: world.running, placement: 'hot' }),
        orders.act('attach', { device: world.single, vm: world.off, placement: 'cold' }),
        orders.act('detach', { device: world.single, vm: world.running, placement: 'hot' }),
        orders.act('detach', { device: world.single, vm: world.off, placement: 'cold' }),
        orders.act('quiesce', { vm: world.running, force: true }),
        orders.act('resume', { vm: world.running }),
      ];
      const before = acts.map((act) => JSON.stringify(hypervisor.commands(act)));
      await orders.give('dismount', { device: world.single });
      const after = acts.map((act) => JSON.stringify(hypervisor.commands(structuredClone(act))));
      expect(after).toEqual(before);
      expect(new Set(before).size).toBe(acts.length);
      for (const act of acts) {
        const commands = hypervisor.commands(act);
        expect({ act: actName(act), count: commands.length }).not.toMatchObject({ count: 0 });
        for (const { tool, argv } of commands)
          expect([tool, ...argv].every((word) => typeof word === 'string')).toBe(true);
      }
    },
  );

  check(
    'tells in a snapshot who holds a device, by which driver, and what a VM names',
    async ({ orders, world }) => {
      const facts = await orders.snapshot([world.single], [world.running]);
      const value = (subject: string, name: string): string | undefined =>
        facts.find((fact) => fact.subject === subject && fact.name === name)?.value;
      expect(value(`device ${world.single}`, FactName.holder)).toBe('host');
      expect(value(`device ${world.single}`, FactName.driver)).toBe(orders.device(world.single).hostDriver);
      expect(value(`vm ${world.running}`, FactName.power)).toBe('running');
      expect(value(`vm ${world.running}`, FactName.devices)).not.toContain(world.single);
      expect(facts.every((fact) => fact.command !== '' && fact.raw !== '')).toBe(true);
    },
  );

  check('shows the same facts after a round trip as before it', async ({ orders, world }) => {
    const { single, running } = world;
    const before = await orders.snapshot([single], [running]);
    await orders.give('dismount', { device: single });
    await orders.give('attach', { device: single, vm: running, placement: 'hot' });
    const meanwhile = await orders.snapshot([single], [running]);
    expect(meanwhile.find((fact) => fact.name === FactName.holder)?.value).toBe(`vm ${running}`);
    expect(meanwhile.find((fact) => fact.name === FactName.devices)?.value).toContain(single);
    expect(compareFacts(before, meanwhile)).not.toEqual([]);
    await orders.give('detach', { device: single, vm: running, placement: 'hot' });
    await orders.give('mount', { device: single });
    expect(compareFacts(before, await orders.snapshot([single], [running]))).toEqual([]);
  });

  check('asks the guest itself whether it has the device', async (bench) => {
    const { orders, world } = bench;
    const { single, running, probe } = world;
    const look = (expected: 'present' | 'absent') =>
      orders.hypervisor.probe(probeQuery(bench, expected, probe), () => undefined, signal());
    expect(await look('absent')).toMatchObject({ seen: 'no' });
    await orders.give('dismount', { device: single });
    await orders.give('attach', { device: single, vm: running, placement: 'hot' });
    const present = await look('present');
    expect(present).toMatchObject({ seen: 'yes', healthy: 'yes' });
    expect(present.facts.every((fact) => fact.command !== '' && fact.raw !== '')).toBe(true);
    await orders.give('detach', { device: single, vm: running, placement: 'hot' });
    expect(await look('absent')).toMatchObject({ seen: 'no' });
  });

  check('does not pretend to know a guest that nobody looks into', async (bench) => {
    const query = probeQuery(bench, 'present', 'none');
    const report = await bench.orders.hypervisor.probe(query, () => undefined, signal());
    expect(report).toMatchObject({ seen: 'unknown', healthy: 'unknown' });
  });
}
