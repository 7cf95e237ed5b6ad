import { describe, expect, it } from '@jest/globals';
import type { Bench } from '../support/bench.js';
import type { LabHost } from '../support/lab-host.js';
import { patienceMs } from '../support/product.js';

const vm = 'voip-gateway';
const vfio = { driver: 'vfio-pci', override: 'vfio-pci' };

/** How often each kind of function is seen in the guest, as text: for comparing before and after. */
async function census(host: LabHost): Promise<Record<string, number>> {
  const counted: Record<string, number> = {};
  for (const ids of await host.guestSees(vm)) counted[ids] = (counted[ids] ?? 0) + 1;
  return counted;
}

/** Devices go to a running VM and come back; the host and the guest are asked, not the product. */
export function thereAndBack(bench: Bench): void {
  const units: [string, string, string, string][] = [
    ['a single NVMe', 'nvme-1', '1b36:0010', 'nvme'],
    ['both functions of a card in one group', 'card', '8086:10d3', 'e1000e'],
    ['a conventional pair behind its bridge', 'legacy-pair', '8086:100e', 'e1000'],
    ['a display', 'display', '1234:1111', 'bochs-drm'],
  ];

  describe('a device is really in the guest after an attach, and really with the host after a return', () => {
    for (const [title, name, ids, driver] of units) {
      it(
        title,
        async () => {
          const { host, product } = bench;
          const addresses = host.addresses(name);
          const devices = [{ address: addresses[0] }];
          const definition = await host.definition(vm);
          const seenBefore = await census(host);

          const attached = await product.change({ devices });
          expect(attached).toMatchObject({ state: 'closed', ending: 'succeeded', failures: [] });
          const there = await host.truth();
          for (const address of addresses) expect(there.devices[address]).toEqual(vfio);
          expect(there.vms[vm]).toEqual({ power: 'running', live: addresses, config: addresses });
          expect(await census(host)).toEqual({
            ...seenBefore,
            [ids]: (seenBefore[ids] ?? 0) + addresses.length,
          });
          const steps = await product.timeline(attached.id);
          const live = await host.run(`virsh dumpxml ${vm}`);
          for (const { name: step, opId } of steps)
            expect({ step, alias: live.includes(`<alias name='ua-${opId}'/>`) }).toEqual({
              step,
              alias: step.startsWith('attach'),
            });

          const returned = await product.change({ action: 'return', devices });
          expect(returned).toMatchObject({ state: 'closed', ending: 'succeeded', failures: [] });
          const back = await host.truth();
          for (const address of addresses) expect(back.devices[address]).toEqual({ driver, override: null });
          expect(back.vms[vm]).toEqual({ power: 'running', live: [], config: [] });
          expect(await census(host)).toEqual(seenBefore);
          expect(await host.definition(vm)).toBe(definition);
        },
        patienceMs,
      );
    }

    it(
      'two NVMe disks in one change: what the guest wrote is what the host reads',
      async () => {
        const { host, product } = bench;
        const disks = ['nvme-0', 'nvme-1'].map((name) => ({
          address: host.address(name),
          serial: host.facts.devices.find((one) => one.name === name)!.serial!,
        }));
        const devices = disks.map(({ address }) => ({ address }));
        expect(await product.change({ devices })).toMatchObject({ ending: 'succeeded' });

        const written: string[] = [];
        for (const { serial } of disks)
          written.push(await host.inGuest(vm, '/bin/lab-disk', 'write', serial, `call records on ${serial}`));
        expect(new Set(written).size).toBe(2);

        expect(await product.change({ action: 'return', devices })).toMatchObject({ ending: 'succeeded' });
        for (const [at, { address }] of disks.entries())
          expect(await host.diskSum(address)).toBe(written[at]);
      },
      patienceMs,
    );
  });
}
