import { afterAll, afterEach, beforeAll, describe, expect } from '@jest/globals';
import { createLibvirtHypervisor } from '../../hypervisors/libvirt/adapter.js';
import { readTopology } from '../../lab/kvm/topology.mjs';
import { describeHypervisor } from '../hypervisors/contract.js';
import { wordsOfVirsh } from './scenes/words.js';
import { down, up } from './support/equipment.js';
import { faults } from './support/lab.js';
import { LabHost, type Truth } from './support/lab-host.js';
import { patienceMs } from './support/product.js';
import { temporaryHome } from '../stack/home.js';

const name = 'suite';
const topology = (await readTopology('default')) as { devices: { name: string; addresses: string[] }[] };
const addresses = (device: string): string[] =>
  topology.devices.find((one) => one.name === device)?.addresses ?? [];

/** The adapter alone on the lab's host: no stack, no workflow. */
describe('on a real host', () => {
  const home = temporaryHome();
  let host: LabHost;
  let found: Truth;
  beforeAll(async () => {
    await down(name);
    host = new LabHost(await up({ name, quiet: true }));
    found = await host.truth();
  }, patienceMs);
  afterAll(async () => {
    await down(name);
    home.remove();
  }, patienceMs);

  describe('', () => {
    afterEach(async () => expect(await host.truth()).toEqual(found), patienceMs);
    wordsOfVirsh(() => host);
  });

  describe('with one VM switched off', () => {
    beforeAll(() => host.run('virsh -q destroy hung-guest'), patienceMs);
    afterAll(async () => {
      await host.run('virsh -q start hung-guest');
      expect(await host.truth()).toEqual(found);
    }, patienceMs);

    describeHypervisor('libvirt', {
      make: () => {
        const { host: address, port, user, identity, knownHosts } = host.facts.ssh;
        return createLibvirtHypervisor({
          hostId: host.facts.host,
          ssh: { host: address, port, user, identityFile: identity, knownHostsFile: knownHosts },
          runtimeDir: home.path,
          patience: { detachSeconds: 20, shutdownSeconds: 40 },
        });
      },
      world: {
        host: 'kvm-01',
        single: addresses('nvme-1')[0]!,
        unit: addresses('card'),
        inUse: { address: '0000:00:1d.0', kind: 'default-route' },
        running: 'voip-gateway',
        neighbour: 'backup-store',
        off: 'hung-guest',
        probe: 'agent',
        deafen: async () => void (await faults.pauseGuest(name, 'voip-gateway')),
        wake: async () => void (await faults.resumeGuest(name, 'voip-gateway')),
      },
      ready: () => Promise.all(['voip-gateway', 'backup-store'].map((vm) => host.agentAnswers(vm))),
      limits: { testMs: patienceMs, guestSeconds: 240 },
      holes: {},
    });
  });
});
