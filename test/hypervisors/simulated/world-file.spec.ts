import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readWorldFile } from '../../../hypervisors/simulated/machine/world-file.js';
import { failureOf, Orders } from '../orders.js';
import { demoWorld, SimulatorProcess } from './simulator.js';

const directory = mkdtempSync(join(tmpdir(), 'world-'));
const file = join(directory, 'world.yaml');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function messageOf(content: string): string {
  writeFileSync(file, content);
  try {
    readWorldFile(file);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`accepted: ${content}`);
}

const host = (more: string): string => `hosts: [{ id: h, machineId: m, hostKey: k, ${more} }]`;
const device = (more: string): string =>
  host(
    `devices: [{ address: "0000:01:00.0", name: d, unit: "1", fingerprint: { vendor: "1b36", device: "0010" }, ${more} }]`,
  );

describe('a world file', () => {
  it('of the demo has what the demo shows: cards, uses, guests that hang, a host without IOMMU', () => {
    const { hosts } = readWorldFile(demoWorld);
    const [first, second] = hosts;
    expect(first?.vms.map((vm) => [vm.name, vm.power])).toEqual([
      ['voip-gateway', 'running'],
      ['backup-store', 'running'],
      ['hung-guest', 'running'],
      ['archive', 'off'],
    ]);
    expect(first?.devices.flatMap((one) => one.uses.map((use) => use.kind))).toEqual([
      'default-route',
      'mount',
      'lvm',
    ]);
    expect(first?.devices.filter((one) => one.resetMethods.length === 0 && !one.bridge)).toHaveLength(1);
    expect(second?.iommu).toBe('off');
  });

  it.each([
    ['nothing', '', 'world: expected a mapping'],
    ['a list of hosts that is none', 'hosts: 7', 'world.hosts: expected a list'],
    ['an unknown member', 'hosts: []\nclouds: []', 'world.clouds'],
    ['a host without identity', 'hosts: [{ id: h }]', 'world.hosts[0].machineId'],
    [
      'two hosts of one id',
      'hosts: [{ id: h, machineId: m, hostKey: k }, { id: h, machineId: m, hostKey: k }]',
      'different names',
    ],
    [
      'a number that YAML made of an id',
      host(
        'devices: [{ address: "0000:01:00.0", name: d, unit: 1, fingerprint: { vendor: 8086, device: "0010" } }]',
      ),
      'text (in quotes',
    ],
    ['an unknown use', device('uses: [{ kind: coffee, detail: x }]'), 'uses[0].kind'],
    [
      'a VM that names a strange device',
      host('vms: [{ name: v, uuid: u, devices: ["0000:09:00.0"] }]'),
      '0000:09:00.0',
    ],
    ['an unknown power', host('vms: [{ name: v, uuid: u, power: asleep }]'), 'vms[0].power'],
    [
      'a guest that behaves strangely',
      host('vms: [{ name: v, uuid: u, guest: { unplug: perhaps } }]'),
      'guest.unplug',
    ],
    ['a delay below zero', 'hosts: []\ndelays: { attach: -1 }', 'delays.attach'],
    ['a fault without a kind', 'hosts: []\nfaults: [{ verb: attach }]', 'world.faults[0].kind'],
  ])('with %s is refused with file, place, expectation and finding', (_, content, place) => {
    const message = messageOf(content);
    expect(message).toContain(place);
    expect(message).toContain(file);
    expect(message).toMatch(/expected .+, found /);
  });

  it('may set faults, delays and limits that hold from the start', async () => {
    writeFileSync(
      file,
      JSON.stringify({
        hosts: [
          {
            id: 'small',
            machineId: 'm',
            hostKey: 'k',
            pinnableMiB: 1024,
            devices: [
              {
                address: '0000:01:00.0',
                name: 'card',
                unit: '1',
                driver: 'card',
                fingerprint: { vendor: '1b36', device: '0010' },
              },
            ],
            vms: [{ name: 'large', uuid: 'u', power: 'running', memoryMiB: 2048 }],
          },
        ],
        faults: [{ kind: 'before', verb: 'mount' }],
      }),
    );
    const simulator = await new SimulatorProcess(file).start();
    const hypervisor = simulator.adapter('small');
    try {
      const orders = await Orders.over(hypervisor, 'small');
      const card = '0000:01:00.0';
      await orders.give('dismount', { device: card });
      const refusal = await failureOf(orders.give('attach', { device: card, vm: 'large', placement: 'hot' }));
      expect(refusal).toMatchObject({
        reason: 'memory-pin-failed',
        expected: 'at most 1024 MiB',
        actual: '2048 MiB',
      });
      expect((await failureOf(orders.give('mount', { device: card }))).reason).toBe('act-refused');
    } finally {
      await hypervisor.close();
      await simulator.stop();
    }
  });
});
