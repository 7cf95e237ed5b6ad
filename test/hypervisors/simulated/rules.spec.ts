import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Hypervisor, ProbeQuery, ProbeReport, VmFacts } from '../../../domain/hypervisor.js';
import { failureOf, Orders } from '../orders.js';
import { SimulatorProcess } from './simulator.js';

const simulator = new SimulatorProcess();
const disk = '0000:02:00.0';
const hung = { device: disk, vm: 'hung-guest', placement: 'hot' } as const;
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

async function vmNow(name: string): Promise<VmFacts> {
  return (await hypervisor.inspect({ host: 'sim-01' })).vms.find((vm) => vm.name === name)!;
}

describe('the simulated host', () => {
  it('has an IOMMU that can be off: nothing can be taken from that host', async () => {
    const other = simulator.adapter('sim-02');
    const there = await Orders.over(other, 'sim-02');
    expect(there.home.host.isolation).toBe('off');
    expect(there.home.devices.map((device) => device.isolation)).toEqual(['none']);
    expect((await failureOf(there.give('dismount', { device: '0000:01:00.0' }))).reason).toBe('iommu-off');
    await other.close();
  });

  it('does not know a host that its world does not have', async () => {
    const other = simulator.adapter('sim-09');
    expect(await failureOf(other.inspect({ host: 'sim-09' }))).toMatchObject({ reason: 'host-unknown' });
    await other.close();
  });

  it('leaves bridges alone', async () => {
    const bridge = orders.home.devices.find((device) => device.bridge)!;
    const act = orders.act('dismount', { device: bridge.address });
    const whole = { ...act, device: { ...act.device!, members: ['0000:05:00.0', '0000:05:00.1'] } };
    expect((await failureOf(orders.send(orders.order(whole)))).reason).toBe('device-is-bridge');
    expect((await orders.look(bridge.address)).holder).toEqual({ kind: 'host', driver: null });
  });

  it('refuses when the unit has grown since the plan', async () => {
    const act = orders.act('dismount', { device: '0000:05:00.0' });
    const small = { ...act, device: { ...act.device!, members: ['0000:05:00.0'] } };
    expect(await failureOf(orders.send(orders.order(small)))).toMatchObject({
      reason: 'plan-changed',
      actual: '0000:05:00.0, 0000:05:00.1',
    });
  });

  it('has so many hot-plug ports and no more', async () => {
    const full = ['0000:01:00.0', disk, '0000:08:00.0'];
    for (const device of full) await orders.give('dismount', { device });
    for (const device of full.slice(0, 2))
      await orders.give('attach', { device, vm: 'backup-store', placement: 'hot' });
    expect((await vmNow('backup-store')).freePorts).toBe(0);
    const refusal = await failureOf(
      orders.give('attach', { device: full[2]!, vm: 'backup-store', placement: 'hot' }),
    );
    expect(refusal.reason).toBe('no-free-port');
    expect((await vmNow('backup-store')).devices).toHaveLength(2);
  });

  it('checks again what uses a device at the moment of acting', async () => {
    await simulator.operator({
      do: 'use',
      device: disk,
      kind: 'mount',
      detail: '/mnt/restore on /dev/nvme1n1',
    });
    const refusal = await failureOf(orders.give('dismount', { device: disk }));
    expect(refusal).toMatchObject({
      reason: 'device-in-use-by-host',
      actual: 'mount /mnt/restore on /dev/nvme1n1',
    });
    await simulator.operator({ do: 'unuse', device: disk });
    expect((await orders.give('dismount', { device: disk })).result).toBe('done');
  });

  it('checks again which card is in the slot at the moment of acting', async () => {
    await simulator.operator({ do: 'swap', device: disk, fingerprint: { serial: 'N9' } });
    const refusal = await failureOf(orders.give('dismount', { device: disk }));
    expect(refusal).toMatchObject({
      reason: 'fingerprint-mismatch',
      expected: 'serial N1',
      actual: 'serial N9',
    });
    expect(await orders.reached('dismount', { device: disk })).toBe('unknown');
  });

  it('checks again which VM names the device at the moment of acting', async () => {
    await simulator.operator({
      do: 'simctl',
      argv: ['attach', '--vm=archive', `--device=${disk}`, '--config'],
    });
    const refusal = await failureOf(orders.give('dismount', { device: disk }));
    expect(refusal).toMatchObject({ reason: 'device-in-use-by-vm', actual: 'VM archive' });
  });

  it('notices that another machine answers under its name', async () => {
    await simulator.operator({ do: 'replace', machineId: 'another-machine' });
    expect((await failureOf(orders.give('dismount', { device: disk }))).reason).toBe('host-identity-changed');
  });

  it('starts no VM whose device is back with the host', async () => {
    await orders.give('dismount', { device: disk });
    await orders.give('attach', { device: disk, vm: 'archive', placement: 'cold' });
    await simulator.operator({ do: 'reboot' });
    expect((await orders.look(disk)).holder).toEqual({ kind: 'host', driver: 'nvme' });
    expect((await failureOf(orders.give('resume', { vm: 'archive' }))).reason).toBe('unit-not-viable');
    expect((await vmNow('archive')).power).toBe('off');
  });

  it('forgets its passthrough bindings at a reboot and has another boot id', async () => {
    const before = orders.home.host.bootId;
    await orders.give('dismount', { device: disk });
    await simulator.operator({ do: 'reboot' });
    const { host } = await hypervisor.inspect({ host: 'sim-01' });
    expect(host.identity).toBe(orders.home.host.identity);
    expect(host.bootId).not.toBe(before);
    expect((await orders.give('mount', { device: disk })).result).toBe('already');
  });

  it('keeps the device for a VM that crashed, and gives it back at the next start', async () => {
    await orders.give('dismount', { device: disk });
    await orders.give('attach', hot);
    await simulator.operator({ do: 'crash', vm: hot.vm });
    expect((await vmNow(hot.vm)).power).toBe('crashed');
    expect((await orders.look(disk)).holder).toEqual({ kind: 'vm', vm: hot.vm });
    expect(await orders.reached('quiesce', { vm: hot.vm, force: true })).toBe('yes');
    await orders.give('resume', { vm: hot.vm });
    expect(await orders.reached('attach', hot)).toBe('yes');
  });

  it('sets and restores settings of a VM, and shows them in snapshots', async () => {
    const settings = { autostart: 'no' };
    const act = { ...orders.act('prepare', { vm: hot.vm }), settings };
    expect((await orders.send(orders.order(act))).result).toBe('done');
    expect((await hypervisor.observe(act)).reached).toBe('yes');
    const facts = await orders.snapshot([], [hot.vm]);
    expect(facts.find((fact) => fact.name === 'setting.autostart')?.value).toBe('no');
  });
});

describe('a guest', () => {
  it('that ignores the shutdown keeps running unless its power may be cut', async () => {
    const gently = await failureOf(orders.give('quiesce', { vm: 'hung-guest' }));
    expect(gently).toMatchObject({ reason: 'power-state-unreached', expected: 'off', actual: 'running' });
    const report = await orders.give('quiesce', { vm: 'hung-guest', force: true });
    expect(report.ran.map((command) => command.argv[0])).toEqual(['shutdown', 'power-cut']);
    expect((await vmNow('hung-guest')).power).toBe('off');
  });

  it('that obeys the shutdown is never cut off', async () => {
    const report = await orders.give('quiesce', { vm: hot.vm, force: true });
    expect(report.ran.map((command) => command.argv[0])).toEqual(['shutdown']);
  });

  it('that hangs keeps its device until its power is cut; then a detach ends the matter', async () => {
    await orders.give('dismount', { device: disk });
    await orders.give('attach', hung);
    expect((await failureOf(orders.give('detach', hung))).reason).toBe('detach-pending');
    expect((await vmNow('hung-guest')).devices).toEqual([{ address: disk, live: true, config: true }]);
    await orders.give('quiesce', { vm: 'hung-guest', force: true });
    expect((await orders.give('detach', hung)).result).toBe('done');
    expect((await orders.give('mount', { device: disk })).result).toBe('done');
  });

  it('that is paused releases a device only after it runs again', async () => {
    await orders.give('dismount', { device: disk });
    await orders.give('attach', hot);
    await simulator.operator({ do: 'pause', vm: hot.vm });
    const order = orders.order(orders.act('detach', hot));
    expect((await failureOf(orders.send(order))).reason).toBe('detach-pending');
    await orders.give('resume', { vm: hot.vm });
    expect((await vmNow(hot.vm)).devices).toEqual([{ address: disk, live: false, config: true }]);
    expect((await orders.give('detach', hot)).result).toBe('done');
  });

  it('that answers late is written down as the late effect of the order that asked', async () => {
    await orders.give('dismount', { device: disk });
    await orders.give('attach', hung);
    const order = orders.order(orders.act('detach', hung));
    await failureOf(orders.send(order));
    const before = await simulator.effects();
    expect(before.filter((entry) => entry.opId === order.opId)).toEqual([]);
    await simulator.operator({ do: 'guest', vm: 'hung-guest', guest: { unplug: 'obeys' } });
    const after = (await simulator.effects()).slice(before.length);
    expect(after).toMatchObject([{ opId: order.opId, verb: 'detach', subject: disk, late: true }]);
  });

  it.each([
    ['always', true, { seen: 'yes', healthy: 'yes' }],
    ['always', false, { seen: 'yes', healthy: 'no' }],
    ['never', true, { seen: 'no', healthy: 'unknown' }],
  ])('that sees its devices %s (driver works: %s) is reported so', async (sees, healthy, report) => {
    await simulator.operator({ do: 'guest', vm: hot.vm, guest: { sees, healthy } });
    await orders.give('dismount', { device: disk });
    await orders.give('attach', hot);
    expect(await probe()).toMatchObject(report);
  });

  it('whose agent is silent, or that is off, is unknown: neither seen nor unseen', async () => {
    await simulator.operator({ do: 'guest', vm: hot.vm, guest: { agent: 'unavailable' } });
    expect(await probe()).toMatchObject({ seen: 'unknown', healthy: 'unknown' });
    await orders.give('quiesce', { vm: hot.vm, force: true });
    expect(await probe()).toMatchObject({ seen: 'unknown', healthy: 'unknown' });
  });

  it('is not looked into any longer once the caller gives up', async () => {
    await simulator.operator({ do: 'guest', vm: hot.vm, guest: { sees: 'never' } });
    const caller = new AbortController();
    const query = probeQuery(600);
    const looking = hypervisor.probe(query, () => caller.abort(), caller.signal);
    expect((await failureOf(looking)).reason).toBe('host-unreachable');
  });

  function probeQuery(patienceSeconds: number): ProbeQuery {
    const devices = [orders.device(disk)];
    return {
      host: 'sim-01',
      vm: orders.vm(hot.vm),
      devices,
      expect: 'present',
      probe: 'agent',
      patienceSeconds,
    };
  }

  function probe(): Promise<ProbeReport> {
    return hypervisor.probe(probeQuery(0), () => undefined, new AbortController().signal);
  }
});
