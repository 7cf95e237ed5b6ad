import { describe, expect, it } from '@jest/globals';
import { openBench } from './support/bench.js';
import { patienceMs } from './support/product.js';

describe('a host whose IOMMU is off', () => {
  const bench = openBench('suite-off', { topology: 'iommu-off', cold: true, guests: false });

  it(
    'refuses every attach with the reason and the remedy, and is left as it was',
    async () => {
      const { host, product } = bench;
      const address = host.address('nvme-0');
      const refused = await product.change({ devices: [{ address }] });
      expect(refused).toMatchObject({
        ending: 'refused',
        failures: [{ reason: 'iommu-off', message: expect.stringContaining('reboot the host') }],
      });
    },
    patienceMs,
  );

  it(
    'would have taken the device into the definition of a VM, which then could not start',
    async () => {
      const { host } = bench;
      const [domain, bus, slot, fn] = host.address('nvme-0').split(/[:.]/);
      const source = `<source><address domain='0x${domain}' bus='0x${bus}' slot='0x${slot}' function='0x${fn}'/></source>`;
      const xml = `<hostdev mode='subsystem' type='pci' managed='no'>${source}</hostdev>`;
      const config = (command: string) =>
        host.tries(`virsh ${command} hung-guest /proc/self/fd/0 --config`, xml);
      expect(await config('attach-device')).toMatchObject({ code: 0 });
      try {
        expect(await host.tries('virsh start hung-guest')).toMatchObject({
          code: 1,
          stderr: expect.stringContaining("host doesn't support passthrough of host PCI devices"),
        });
      } finally {
        expect(await config('detach-device')).toMatchObject({ code: 0 });
      }
    },
    patienceMs,
  );
});

describe("a host with AMD's IOMMU", () => {
  const bench = openBench('suite-amd', { topology: 'amd-iommu', cold: true, guests: false });

  it(
    'gives a card to a running VM and gets it back',
    async () => {
      const { host, product } = bench;
      const vm = 'voip-gateway';
      // Not an NVMe: the emulated AMD IOMMU does not translate the DMA that its driver does when it starts.
      const addresses = host.addresses('card');
      const devices = [{ address: addresses[0] }];
      await host.run(`virsh -q start ${vm}`);
      try {
        await host.agentAnswers(vm);
        expect(await product.change({ devices })).toMatchObject({ ending: 'succeeded' });
        expect(await host.vm(vm)).toEqual({ power: 'running', live: addresses, config: addresses });
        expect(await host.guestSees(vm)).toContain('8086:10d3');

        expect(await product.change({ action: 'return', devices })).toMatchObject({ ending: 'succeeded' });
        for (const address of addresses)
          expect(await host.device(address)).toEqual({ driver: 'e1000e', override: null });
      } finally {
        await host.run(`virsh -q destroy ${vm}`);
      }
    },
    patienceMs,
  );
});
