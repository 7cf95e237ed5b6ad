import { describe, expect, it } from '@jest/globals';
import type { Bench } from '../support/bench.js';
import { withFullHouse } from '../support/full-house.js';
import { patienceMs } from '../support/product.js';

const vm = 'full-house';

/** A VM without a free port takes a device only while it is off. */
export function cold(bench: Bench): void {
  describe('a VM that can take no device while it runs', () => {
    it(
      'gets it into its definition while it is off, and stays off',
      () =>
        withFullHouse(bench.host, async () => {
          const { host, product } = bench;
          const address = host.address('nvme-0');
          const request = { vm, devices: [{ address }] };

          expect(await product.change(request)).toMatchObject({ ending: 'succeeded', failures: [] });
          expect(await host.vm(vm)).toEqual({ power: 'shut off', live: [], config: [address] });
          expect(await host.device(address)).toEqual({ driver: 'vfio-pci', override: 'vfio-pci' });

          expect(await product.change({ ...request, action: 'return' })).toMatchObject({
            ending: 'succeeded',
          });
          expect(await host.vm(vm)).toEqual({ power: 'shut off', live: [], config: [] });
          expect(await host.device(address)).toEqual({ driver: 'nvme', override: null });
        }),
      patienceMs,
    );

    it(
      'is not switched off without leave; with leave it comes back with the device, and gives it back running',
      () =>
        withFullHouse(bench.host, async () => {
          const { host, product } = bench;
          const address = host.address('nvme-0');
          const request = { vm, devices: [{ address }] };
          await host.run(`virsh start ${vm}`);
          await host.agentAnswers(vm);

          const refused = await product.change({ ...request, powerOff: 'never' });
          expect(refused).toMatchObject({ ending: 'refused', failures: [{ reason: 'no-free-port' }] });
          const uptime = await host.inGuest(vm, '/bin/cat', '/proc/sys/kernel/random/boot_id');

          const attached = await product.change({ ...request, powerOff: 'allowed' });
          expect(attached).toMatchObject({ ending: 'succeeded', failures: [] });
          expect((await product.timeline(attached.id)).map(({ name, outcome }) => [name, outcome])).toEqual([
            [`quiesce ${vm}`, 'done'],
            [`dismount ${address}`, 'done'],
            [`attach ${address}`, 'done'],
            [`resume ${vm}`, 'done'],
          ]);
          expect(await host.vm(vm)).toEqual({ power: 'running', live: [address], config: [address] });
          expect(await host.inGuest(vm, '/bin/cat', '/proc/sys/kernel/random/boot_id')).not.toBe(uptime);
          expect(await host.guestSees(vm)).toContain('1b36:0010');

          const returned = await product.change({ ...request, action: 'return' });
          expect(returned).toMatchObject({ ending: 'succeeded', failures: [] });
          expect(await host.vm(vm)).toEqual({ power: 'running', live: [], config: [] });
          expect(await host.guestSees(vm)).not.toContain('1b36:0010');
        }),
      patienceMs,
    );
  });
}
