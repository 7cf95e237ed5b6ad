import { describe, expect, it } from '@jest/globals';
import { until } from '../../hypervisors/orders.js';
import type { Bench } from '../support/bench.js';
import { faults } from '../support/lab-host.js';
import { patienceMs } from '../support/product.js';

/** Guests that do not let go of a device, for ever or for a while. */
export function guestsThatHang(bench: Bench): void {
  describe('a guest that does not release its device', () => {
    it(
      'keeps it when its power may not be cut, and loses it when it may',
      async () => {
        const { host, product } = bench;
        const vm = 'hung-guest';
        const address = host.address('nvme-1');
        const devices = [{ address }];
        expect(await product.change({ vm, devices })).toMatchObject({ ending: 'succeeded' });
        const held = { power: 'running', live: [address], config: [address] };
        expect(await host.vm(vm)).toEqual(held);

        const kept = await product.change({ action: 'return', vm, devices, powerOff: 'never' });
        expect(kept).toMatchObject({
          state: 'closed',
          ending: 'undone',
          failures: [{ reason: 'detach-pending' }],
        });
        expect(await host.vm(vm)).toEqual(held);
        expect(await host.device(address)).toEqual({ driver: 'vfio-pci', override: 'vfio-pci' });

        const returned = await product.change({ action: 'return', vm, devices, powerOff: 'allowed' });
        expect(returned).toMatchObject({ state: 'closed', ending: 'succeeded', failures: [] });
        expect(await host.vm(vm)).toEqual({ power: 'running', live: [], config: [] });
        expect(await host.device(address)).toEqual({ driver: 'nvme', override: null });
        const steps = await product.timeline(returned.id);
        expect(steps.map(({ direction, name, outcome }) => [direction, name, outcome])).toEqual([
          ['forward', `detach ${address}`, 'done'],
          ['escalation', `detach ${address}`, 'done'],
          ['forward', `resume ${vm}`, 'done'],
          ['forward', `mount ${address}`, 'done'],
        ]);
      },
      patienceMs,
    );

    it(
      'and releases it too late, when nobody waits any more: nothing is lost, and the undo can still be proven',
      async () => {
        const { host, product } = bench;
        const vm = 'voip-gateway';
        const address = host.address('nvme-1');
        const devices = [{ address }];
        expect(await product.change({ vm, devices })).toMatchObject({ ending: 'succeeded' });

        product.failpoints.arm('act.b1', 1);
        const { id } = await product.begin({ action: 'return', vm, devices });
        await product.workerDies();
        await faults.pauseGuest(host.lab, vm);
        await product.workerReturns();
        const parked = await product.end(id);
        expect(parked).toMatchObject({ state: 'parked', ending: null });
        expect(parked.failures.map(({ reason }) => reason)).toContain('detach-pending');
        expect(await host.vm(vm)).toEqual({ power: 'paused', live: [address], config: [address] });

        await faults.resumeGuest(host.lab, vm);
        const released = async (): Promise<boolean> => !(await host.vm(vm)).live.includes(address);
        await until('the guest releases the device late', released, patienceMs);
        expect(await host.device(address)).toEqual({ driver: 'vfio-pci', override: 'vfio-pci' });
        expect(await product.see(id)).toMatchObject({ state: 'parked' });

        await product.orders('operator', `/changes/${id}:resolve`, {
          resolution: 'undo',
          reason: 'guest resumed',
        });
        const undone = await product.when(id, 'closes', ({ state }) => state === 'closed');
        expect(undone).toMatchObject({ ending: 'undone', restored: true });
        expect(await host.vm(vm)).toEqual({ power: 'running', live: [address], config: [address] });
        await until(
          'the guest has it again',
          async () => (await host.guestSees(vm)).includes('1b36:0010'),
          patienceMs,
        );

        expect(await product.change({ action: 'return', vm, devices })).toMatchObject({
          ending: 'succeeded',
        });
      },
      patienceMs,
    );
  });
}
