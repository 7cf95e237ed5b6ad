import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { commandsOf } from '../../../hypervisors/libvirt/commands.js';
import {
  attach,
  backup,
  cardFirst,
  cardSecond,
  createHost,
  detach,
  dismount,
  driverless,
  type FileHost,
  mount,
  nvme,
  order,
  pairFirst,
  pairSecond,
  refusal,
  voip,
} from './world.js';

let host: FileHost;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.remove());

describe('a device on its way into a VM and back', () => {
  it('leaves nothing behind: the driver, the override and the VM are as before', async () => {
    const hypervisor = host.hypervisor();
    const query = { host: 'kvm-01', devices: [nvme], vms: [voip] };
    const before = await hypervisor.snapshot(query);
    const done = [];
    for (const act of [dismount(nvme), attach(nvme), detach(nvme), mount(nvme)])
      done.push((await host.act(order(act))).result);
    expect(done).toEqual(['done', 'done', 'done', 'done']);
    expect(host.driver(nvme.address)).toBe('nvme');
    expect(host.override(nvme.address)).toBe('(null)');
    const plain = (facts: typeof before) => facts.map(({ subject, name, value }) => [subject, name, value]);
    expect(plain(await hypervisor.snapshot(query))).toEqual(plain(before));
  });

  it('runs nothing that a reviewer was not shown', async () => {
    const acts = [dismount(nvme), attach(nvme), detach(nvme), mount(nvme)];
    for (const act of acts) {
      const { ran } = await host.act(order(act, { opId: 'op_X-1' + act.verb }));
      const shown = commandsOf({ host: 'kvm-01', ...act }).filter((command) => command.tool === 'virsh');
      const asShown = (text: string | undefined) =>
        text
          ?.replace(/ua-op_X-1[a-z]+/, 'ua-{opId}')
          .replace(/bus="0x01"(?= slot="0x00" function="0x0"\/><\/hostdev>)/, 'bus="{freePort}"');
      expect(ran.map(({ argv, input }) => ({ argv, input: asShown(input) }))).toEqual(
        shown.map(({ argv, input }) => ({ argv, input })),
      );
    }
  });

  it('does nothing twice: what is so already is only observed', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    const changes = host.changes().length;
    expect(await host.act(order(dismount(nvme)))).toMatchObject({ result: 'already', ran: [] });
    expect(await host.act(order(attach(nvme)))).toMatchObject({ result: 'already', ran: [] });
    expect(host.changes()).toHaveLength(changes);
  });

  it('marks what it attached in the running VM and in its definition', async () => {
    await host.prepare(dismount(nvme));
    await host.act(order(attach(nvme), { opId: 'Aa0_-z' }));
    expect(host.vm(voip).live).toMatchObject([
      { address: nvme.address, alias: 'ua-Aa0_-z', managed: 'no', bus: 1 },
    ]);
    expect(host.vm(voip).config).toMatchObject([
      { address: nvme.address, alias: 'ua-Aa0_-z', managed: 'no', bus: 1 },
    ]);
  });

  it('gives every device of a unit a port of its own', async () => {
    await host.prepare(dismount(pairFirst), dismount(pairSecond), attach(pairFirst), attach(pairSecond));
    expect(host.vm(voip).live.map(({ bus }) => bus)).toEqual([1, 2]);
    expect(host.driver('0000:06:00.0')).toBeNull();
  });

  it('puts a device only into the definition of a VM that is off', async () => {
    await host.prepare(dismount(nvme));
    await host.act(order(attach(nvme, backup, 'cold')));
    expect(host.vm(backup)).toMatchObject({ live: [], config: [{ address: nvme.address }] });
    await host.act(order(detach(nvme, backup, 'cold')));
    expect(host.vm(backup)).toMatchObject({ live: [], config: [] });
  });

  it('gives a device that had no driver back without one', async () => {
    await host.prepare(dismount(driverless));
    expect(host.driver(driverless.address)).toBe('vfio-pci');
    expect(await host.act(order(mount(driverless)))).toMatchObject({ result: 'done' });
    expect(host.driver(driverless.address)).toBeNull();
    expect(host.override(driverless.address)).toBe('(null)');
  });
});

describe('a disk that comes home', () => {
  it('counts as home only when its controller says who it is: the kernel shows `(efault)` until then', async () => {
    await host.prepare(dismount(nvme));
    const serial = '/sys/devices/pci0000:00/0000:00:03.0/0000:02:00.0/gone-nvme/nvme0/serial';
    host.put(serial, '(efault)\n');
    const act = host.act(order(mount(nvme)));
    await host.until(() => host.driver(nvme.address) === 'nvme');
    host.put(serial.replace('gone-', ''), 'N0   \n');
    expect(await act).toMatchObject({ result: 'done' });
  });

  it('is not taken for home when another one answers', async () => {
    await host.prepare(dismount(nvme));
    host.put('/sys/devices/pci0000:00/0000:00:03.0/0000:02:00.0/gone-nvme/nvme0/serial', 'N9\n');
    await expect(host.act(order(mount(nvme)))).rejects.toMatchObject(refusal('fingerprint-mismatch'));
  });
});

describe('success that is none', () => {
  it.each([
    ['dismount', [], dismount(nvme), ['nodedev-detach']],
    ['attach, running', [dismount(nvme)], attach(nvme), ['attach-device', '--live']],
    ['attach, definition', [dismount(nvme)], attach(nvme), ['attach-device', '--config']],
    ['detach, definition', [dismount(nvme), attach(nvme)], detach(nvme), ['detach-device', '--config']],
  ] as const)('%s: exit code 0 without effect is not taken for done', async (_, before, act, match) => {
    await host.prepare(...before);
    host.bend({ match: [...match], stdout: 'Device did it successfully\n', times: 9 });
    await expect(host.act(order(act))).rejects.toMatchObject(refusal('act-without-effect'));
  });

  it('an error after which it is so all the same is not a failure', async () => {
    host.bend({ match: ['nodedev-detach'], effect: true, stderr: 'error: internal error: something else' });
    expect(await host.act(order(dismount(nvme)))).toMatchObject({ result: 'done' });
    host.bend({ match: ['attach-device', '--live'], effect: true, die: 'after' });
    expect(await host.act(order(attach(nvme)))).toMatchObject({ result: 'done' });
  });

  it('a guest without system never releases: pending, and its definition stays as it is', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    host.update((state) => (state.domains[0]!.guest = 'hung'));
    await expect(host.act(order(detach(nvme)))).rejects.toMatchObject(refusal('detach-pending'));
    expect(host.vm(voip)).toMatchObject({
      live: [{ address: nvme.address }],
      config: [{ address: nvme.address }],
    });
    await expect(host.act(order(mount(nvme)))).rejects.toMatchObject(refusal('device-in-use-by-vm'));
    expect(host.driver(nvme.address)).toBe('vfio-pci');
  });

  it('a paused guest releases after we gave up, and that harms nobody', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    host.update((state) => (state.domains[0]!.power = 'paused'));
    await expect(host.act(order(detach(nvme)))).rejects.toMatchObject(refusal('detach-pending'));
    host.update((state) => (state.domains[0]!.power = 'running'));
    expect(await host.act(order(detach(nvme)))).toMatchObject({ result: 'done' });
    expect(host.vm(voip)).toMatchObject({ live: [], config: [] });
  });

  it('a shutdown that the guest ignores does not count: its power is cut if that is allowed, else it says so', async () => {
    host.update((state) => (state.domains[0]!.obeys = []));
    await expect(host.act(order({ verb: 'quiesce', vm: voip }))).rejects.toMatchObject(
      refusal('power-state-unreached'),
    );
    expect(host.vm(voip).power).toBe('running');
    expect(await host.act(order({ verb: 'quiesce', vm: voip, force: true }))).toMatchObject({
      result: 'done',
    });
    expect(host.vm(voip).power).toBe('shut off');
  });

  it('a host without IOMMU takes a device into a definition, and the VM would not start: refused before', async () => {
    await host.remove();
    host = createHost((state) => (state.iommu = 'off'));
    await expect(host.act(order(attach(nvme, backup, 'cold')))).rejects.toMatchObject(refusal('iommu-off'));
    await expect(host.act(order(dismount(nvme)))).rejects.toMatchObject(refusal('iommu-off'));
    expect(host.changes()).toEqual([]);
  });

  it('a root port would be left without driver: a bridge is never dismounted', async () => {
    const port = { ...nvme, address: '0000:00:02.0', members: ['0000:00:02.0'], hostDriver: 'pcieport' };
    port.fingerprint = { vendor: '1b36', device: '000c', class: '060400' };
    await expect(host.act(order(dismount(port)))).rejects.toMatchObject(refusal('device-is-bridge'));
    expect(host.driver(port.address)).toBe('pcieport');
  });
});

describe('a guest that takes its time', () => {
  beforeEach(() => host.prepare(dismount(nvme), attach(nvme)));

  it.each([
    ['says it is busy blinking', 'busy'],
    ['has the request already', 'pending'],
  ] as const)('is waited for when it %s', async (_, guest) => {
    host.update((state) => Object.assign(state.domains[0]!, { guest, releaseSeconds: 0.5 }));
    const given = order(detach(nvme));
    expect(await host.act(given, { patience: { detachSeconds: 20 } })).toMatchObject({ result: 'done' });
    expect(host.vm(voip)).toMatchObject({ live: [], config: [] });
  });

  it('that refuses by an event is not waited for until the end', async () => {
    host.update((state) => (state.domains[0]!.guest = 'refuses'));
    const given = order(detach(nvme));
    const answer = expect(host.act(given, { patience: { detachSeconds: 600 } })).rejects;
    await answer.toMatchObject(
      refusal('detach-pending', { cause: expect.stringContaining('device-removal-failed') }),
    );
  });

  it('is off by now: only its definition is left to change', async () => {
    host.update((state) =>
      Object.assign(state.domains[0]!, { power: 'shut off', reason: 'crashed', live: [] }),
    );
    const { ran } = await host.act(order(detach(nvme)));
    expect(ran.map(({ argv }) => argv.at(-1))).toEqual(['--config']);
    await expect(host.act(order(attach(nvme)))).rejects.toMatchObject(
      refusal('vm-state-unfit', { expected: 'running', actual: 'crashed' }),
    );
    expect(host.vm(voip)).toMatchObject({ power: 'shut off', live: [], config: [] });
  });
});

describe('power', () => {
  it('asks the guest’s agent first, then its power button, and cuts the power last', async () => {
    host.update((state) => (state.domains[0]!.obeys = []));
    await host.act(order({ verb: 'quiesce', vm: voip, force: true }));
    expect(host.changes().map(([verb, , , mode]) => mode ?? verb)).toEqual(['agent', 'acpi', 'destroy']);
  });

  it('starts what is off and resumes what is paused', async () => {
    expect(await host.act(order({ verb: 'resume', vm: backup }))).toMatchObject({ result: 'done' });
    host.update((state) => (state.domains[1]!.power = 'paused'));
    expect(await host.act(order({ verb: 'resume', vm: backup }))).toMatchObject({ result: 'done' });
    expect(host.changes().map(([verb]) => verb)).toEqual(['start', 'resume']);
  });

  it('a VM that does not start tells why in libvirt’s words', async () => {
    await host.prepare(dismount(nvme), attach(nvme, backup, 'cold'));
    host.update((state) => (state.iommu = 'off'));
    const answer = expect(host.act(order({ verb: 'resume', vm: backup }))).rejects;
    await answer.toMatchObject(
      refusal('iommu-off', { cause: expect.stringContaining("doesn't support passthrough") }),
    );
  });
});

describe('a unit of several devices', () => {
  it('is not split: one function alone stays out while its sibling is with the host', async () => {
    await host.prepare(dismount(cardFirst));
    await expect(host.act(order(attach(cardFirst)))).rejects.toMatchObject(refusal('unit-not-viable'));
    expect(host.vm(voip).live).toEqual([]);
  });

  it('goes home only when its last member has left the VM: else the sibling would end up without driver', async () => {
    await host.prepare(
      dismount(cardFirst),
      dismount(cardSecond),
      attach(cardFirst),
      attach(cardSecond),
      detach(cardFirst),
    );
    await expect(host.act(order(mount(cardFirst)))).rejects.toMatchObject(refusal('device-in-use-by-vm'));
    expect(host.driver(cardFirst.address)).toBe('vfio-pci');
    await host.prepare(detach(cardSecond), mount(cardFirst), mount(cardSecond));
    expect([host.driver(cardFirst.address), host.driver(cardSecond.address)]).toEqual(['e1000e', 'e1000e']);
  });

  it('is refused when it has another shape than the plan says', async () => {
    const alone = { ...cardFirst, members: [cardFirst.address] };
    await expect(host.act(order(dismount(alone)))).rejects.toMatchObject(refusal('plan-changed'));
  });

  it('heals what was left half way: driverless for VFIO, or at home with an override that stayed', async () => {
    host.put(`/sys/bus/pci/devices/${cardFirst.address}/driver_override`, 'vfio-pci\n');
    expect(await host.act(order(mount(cardFirst)))).toMatchObject({ result: 'done' });
    expect(host.override(cardFirst.address)).toBe('');
    await host.prepare(dismount(nvme));
    rmSync(host.at(`/sys/bus/pci/devices/${nvme.address}/driver`));
    expect(await host.act(order(mount(nvme)))).toMatchObject({ result: 'done' });
    expect([host.driver(nvme.address), host.override(nvme.address)]).toEqual(['nvme', '(null)']);
  });
});
