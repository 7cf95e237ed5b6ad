import { describe, expect, it } from '@jest/globals';
import { until } from '../../hypervisors/orders.js';
import { ambush, deeds, signs } from '../support/ambush.js';
import type { Bench } from '../support/bench.js';
import { expectEachEffectOnce } from '../support/effects.js';
import { faults } from '../support/lab-host.js';
import { patienceMs } from '../support/product.js';

const vm = 'voip-gateway';

/** Parts of the host die while a change runs on it. */
export function crashesOfTheHost(bench: Bench): void {
  const start = async (atAct: number): Promise<{ id: string; address: string; devices: object[] }> => {
    const address = bench.host.address('nvme-1');
    const devices = [{ address }];
    bench.product.failpoints.arm('act.b1', atAct);
    const { id } = await bench.product.begin({ devices });
    await bench.product.workerDies();
    return { id, address, devices };
  };
  const resolve = async (id: string, resolution: 'retry' | 'undo'): Promise<unknown> => {
    await bench.product.orders('operator', `/changes/${id}:resolve`, { resolution, reason: 'it is back' });
    return bench.product.when(id, 'closes', ({ state }) => state === 'closed');
  };

  describe('libvirtd is killed in the middle of a change', () => {
    it(
      'while it attaches, and comes back: the device is attached once',
      async () => {
        const { host, product } = bench;
        const devices = [{ address: host.address('nvme-1') }];
        const killed = await ambush(host, signs.attaching, deeds.restartLibvirtd);
        const attached = await product.change({ devices });
        expect(await killed()).toBe(true);
        expect(attached).toMatchObject({ state: 'closed', ending: 'succeeded', failures: [] });
        expect(await host.vm(vm)).toMatchObject({
          live: [devices[0]!.address],
          config: [devices[0]!.address],
        });
        await expectEachEffectOnce(bench, attached.id);
        expect(await product.change({ action: 'return', devices })).toMatchObject({ ending: 'succeeded' });
      },
      patienceMs,
    );

    it(
      'and stays away: the change waits for an operator with its device, and then goes on',
      async () => {
        const { host, product } = bench;
        const { id, address, devices } = await start(2);
        await faults.killLibvirtd(host.lab);
        await product.workerReturns();
        const parked = await product.end(id);
        expect(parked.state).toBe('parked');
        expect(new Set(parked.failures.map(({ reason }) => reason))).toEqual(new Set(['hypervisor-down']));
        expect(parked.halfState?.commands.map(({ step }) => step)).toContain(`dismount ${address}`);
        const { driver } = JSON.parse(
          await host.run(
            `echo "{\\"driver\\":\\"$(basename $(readlink /sys/bus/pci/devices/${address}/driver))\\"}"`,
          ),
        ) as { driver: string };
        expect(driver).toBe('vfio-pci');

        await faults.startLibvirtd(host.lab);
        expect(await resolve(id, 'retry')).toMatchObject({ ending: 'succeeded' });
        expect(await host.vm(vm)).toEqual({ power: 'running', live: [address], config: [address] });
        await expectEachEffectOnce(bench, id);
        expect(await product.change({ action: 'return', devices })).toMatchObject({ ending: 'succeeded' });
      },
      patienceMs,
    );
  });

  describe("the VM's QEMU is killed in the middle of a change", () => {
    it(
      'the change does not call it a success, and is undone once the VM runs again',
      async () => {
        const { host, product } = bench;
        const { id, address } = await start(2);
        await faults.killGuest(host.lab, vm);
        await product.workerReturns();
        const parked = await product.end(id);
        expect(parked.state).toBe('parked');
        expect(parked.failures.map(({ reason }) => reason)).toContain('vm-state-unfit');
        expect(await host.vm(vm)).toEqual({ power: 'shut off', live: [], config: [] });
        expect(await host.device(address)).toEqual({ driver: 'nvme', override: null });

        await host.run(`virsh start ${vm}`);
        expect(await resolve(id, 'undo')).toMatchObject({ ending: 'undone', restored: true });
        await host.agentAnswers(vm);
      },
      patienceMs,
    );
  });

  describe('the connection is cut in the middle of an act', () => {
    it(
      'the effect is found, and had once',
      async () => {
        const { host, product } = bench;
        const devices = [{ address: host.address('nvme-1') }];
        const cut = await ambush(host, signs.attaching, deeds.cutConnections);
        const attached = await product.change({ devices });
        await until('the connection was cut', cut, patienceMs);
        expect(attached).toMatchObject({ state: 'closed', ending: 'succeeded', failures: [] });
        const steps = await product.timeline(attached.id);
        expect(steps.find(({ name }) => name.startsWith('attach'))?.attempts).toBeGreaterThan(1);
        await expectEachEffectOnce(bench, attached.id);
        expect(await product.change({ action: 'return', devices })).toMatchObject({ ending: 'succeeded' });
      },
      patienceMs,
    );
  });
}
