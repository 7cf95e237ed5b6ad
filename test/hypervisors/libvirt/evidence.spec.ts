import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Fact } from '../../../domain/act.js';
import {
  attach,
  backup,
  createHost,
  dismount,
  driverless,
  type FileHost,
  nic,
  nvme,
  order,
  voip,
} from './world.js';

let host: FileHost;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.remove());

const valueOf = (facts: Fact[], subject: string, name: string) =>
  facts.find((fact) => fact.subject === subject && fact.name === name)?.value;
const snapshot = (devices = [nvme], vms = [voip]) =>
  host.hypervisor().snapshot({ host: 'kvm-01', devices, vms });

describe('evidence', () => {
  it('comes by another path than the acts: not one call of virsh', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    const calls = host.virshCalls().length;
    const facts = await snapshot();
    expect(host.virshCalls()).toHaveLength(calls);
    expect(facts.map(({ subject, name, value }) => [subject, name, value])).toEqual([
      ['device 0000:02:00.0', 'holder', 'vm voip-gateway'],
      ['device 0000:02:00.0', 'driver', 'vfio-pci'],
      ['device 0000:02:00.0', 'driver_override', 'vfio-pci'],
      ['vm voip-gateway', 'power', 'running'],
      ['vm voip-gateway', 'devices', '0000:02:00.0'],
      ['vm voip-gateway', 'setting.definition', expect.stringMatching(/^[0-9a-f]{16}$/)],
    ]);
    for (const fact of facts) expect(fact.command).not.toMatch(/virsh/);
  });

  it('does not believe libvirt that a VM has a device which its process does not hold', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    rmSync(host.at('/proc/4001/fd'), { recursive: true });
    expect(valueOf(await snapshot(), 'device 0000:02:00.0', 'holder')).toBe('unknown');
  });

  it('does not believe libvirt that nobody has a device which a process holds', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    const status = host.at('/run/libvirt/qemu/vm-9001.xml');
    writeFileSync(status, readFileSync(status, 'utf8').replace(/<hostdev.*<\/hostdev>/, ''));
    const defined = host.at('/etc/libvirt/qemu/vm-9001.xml');
    writeFileSync(defined, readFileSync(defined, 'utf8').replace(/<hostdev.*<\/hostdev>/, ''));
    expect(valueOf(await snapshot(), 'device 0000:02:00.0', 'holder')).toBe('unknown');
  });

  it('tells a VM that is gone in mid-air from one that is off', async () => {
    expect(valueOf(await snapshot([nvme], [backup]), 'vm backup-store', 'power')).toBe('off');
    rmSync(host.at('/proc/4001'), { recursive: true });
    expect(valueOf(await snapshot(), 'vm voip-gateway', 'power')).toBe('unknown');
  });

  it('shows half-states: a device only the definition names', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    host.update((state) => (state.domains[0]!.live = []));
    await host.hypervisor().inspect({ host: 'kvm-01' });
    expect(valueOf(await snapshot(), 'vm voip-gateway', 'devices')).toBe('0000:02:00.0/config');
  });

  it('tells a device without driver that belongs to the host from one that is nobody’s', async () => {
    await host.prepare(dismount(nic));
    const facts = await snapshot([driverless, nic]);
    expect(valueOf(facts, 'device 0000:04:00.0', 'holder')).toBe('host');
    expect(valueOf(facts, 'device 0000:01:00.0', 'holder')).toBe('nobody');
  });

  it('notices a setting that somebody changed by hand, in the snapshot and in the plan’s basis', async () => {
    const settings = async () => (await host.hypervisor().inspect({ host: 'kvm-01' })).vms[0]!.settings;
    const [facts, basis] = [await snapshot(), await settings()];
    host.update((state) => (state.domains[0]!.memoryKiB += 1024));
    expect(await settings()).not.toEqual(basis);
    expect(valueOf(await snapshot(), 'vm voip-gateway', 'setting.definition')).not.toBe(
      valueOf(facts, 'vm voip-gateway', 'setting.definition'),
    );
  });
});

describe('a look into the guest', () => {
  const probe = (expected: 'present' | 'absent', devices = [nvme], patienceSeconds = 3) =>
    host
      .hypervisor()
      .probe(
        { host: 'kvm-01', vm: voip, devices, expect: expected, probe: 'agent', patienceSeconds },
        () => undefined,
        new AbortController().signal,
      );

  it('seen and healthy are two answers', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    expect(await probe('present')).toMatchObject({ seen: 'yes', healthy: 'yes' });
    host.update((state) => (state.domains[0]!.devicesSeen[nvme.address]!.driver = null));
    expect(await probe('present')).toMatchObject({ seen: 'yes', healthy: 'no' });
  });

  it('says unknown where no driver can be expected', async () => {
    await host.prepare(dismount(driverless), attach(driverless));
    expect(await probe('present', [driverless])).toMatchObject({ seen: 'yes', healthy: 'unknown' });
  });

  it('counts: the VM’s other device of the same kind does not stand in for a missing one', async () => {
    const { nvmeWithFunctions } = await import('./world.js');
    await host.prepare(dismount(nvme), dismount(nvmeWithFunctions), attach(nvme), attach(nvmeWithFunctions));
    expect(await probe('present', [nvme, nvmeWithFunctions])).toMatchObject({ seen: 'yes' });
    host.update((state) => delete state.domains[0]!.devicesSeen[nvme.address]);
    expect(await probe('present', [nvme], 1)).toMatchObject({ seen: 'no' });
    expect(await probe('absent', [nvme])).toMatchObject({ seen: 'no' });
  });

  it('an agent that is away for a while is asked again, not taken for a no', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    host.update((state) => (state.domains[0]!.agentAwaySeconds = 2));
    expect(await probe('present', [nvme], 20)).toMatchObject({ seen: 'yes' });
  });

  it('a guest that can’t be asked is unknown', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    host.update((state) => (state.domains[0]!.agentAwaySeconds = 600));
    expect(await probe('present', [nvme], 1)).toMatchObject({ seen: 'unknown', healthy: 'unknown' });
  });

  it('a guest without a shell lists its devices itself', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    host.update((state) => (state.domains[0]!.shell = false));
    expect(await probe('present')).toMatchObject({ seen: 'yes', healthy: 'yes' });
  });

  it('is not promised by ways this host does not have', async () => {
    const query = {
      host: 'kvm-01',
      vm: voip,
      devices: [nvme],
      expect: 'present' as const,
      patienceSeconds: 1,
    };
    const hypervisor = host.hypervisor();
    const never = new AbortController().signal;
    expect(await hypervisor.probe({ ...query, probe: 'none' }, () => undefined, never)).toMatchObject({
      seen: 'unknown',
    });
    await expect(hypervisor.probe({ ...query, probe: 'ssh' }, () => undefined, never)).rejects.toMatchObject({
      failure: { reason: 'verify-impossible' },
    });
  });
});

describe('whether the goal of an act holds', () => {
  it('is never guessed: another device at the address is unknown', async () => {
    const other = { ...nvme, fingerprint: { ...nvme.fingerprint, serial: 'N9' } };
    const observe = (device: typeof nvme) =>
      host.hypervisor().observe({ host: 'kvm-01', ...dismount(device) });
    expect((await observe(nvme)).reached).toBe('no');
    expect((await observe(other)).reached).toBe('unknown');
    await host.act(order(dismount(nvme)));
    expect((await observe(nvme)).reached).toBe('yes');
  });
});
