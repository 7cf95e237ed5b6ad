import { describe, expect, it } from '@jest/globals';
import { until } from '../../hypervisors/orders.js';
import type { Bench } from '../support/bench.js';
import { expectEachEffectOnce } from '../support/effects.js';
import { LateLine } from '../support/late-line.js';
import { patienceMs, type StepOfTimeline } from '../support/product.js';
import { SecondWorker } from '../support/second-worker.js';

const vm = 'voip-gateway';

/** A worker that wakes up late may still say when and how its own try ended; nothing else may change. */
const outcomes = (steps: StepOfTimeline[]): unknown[] =>
  steps.map(({ direction, name, outcome }) => [direction, name, outcome]);

/** Workers die and wake up in the middle of a change. */
export function workersThatFail(bench: Bench): void {
  describe('the worker is killed in the middle of a change', () => {
    it(
      'between dismount and attach, and between detach and mount: the next one goes on, and does nothing twice',
      async () => {
        const { host, product } = bench;
        const address = host.address('nvme-1');
        const devices = [{ address }];

        product.failpoints.arm('act.b0', 2);
        const { id } = await product.begin({ devices });
        await product.workerDies();
        expect(await host.device(address)).toEqual({ driver: 'vfio-pci', override: 'vfio-pci' });
        expect(await host.vm(vm)).toMatchObject({ live: [], config: [] });
        await product.workerReturns();
        expect(await product.end(id)).toMatchObject({ state: 'closed', ending: 'succeeded' });
        expect(await host.vm(vm)).toMatchObject({ live: [address], config: [address] });
        await expectEachEffectOnce(bench, id);

        product.failpoints.arm('act.b4', 1);
        const back = await product.begin({ action: 'return', devices });
        await product.workerDies();
        expect(await host.vm(vm)).toMatchObject({ live: [], config: [] });
        expect(await host.device(address)).toEqual({ driver: 'vfio-pci', override: 'vfio-pci' });
        await product.workerReturns();
        expect(await product.end(back.id)).toMatchObject({ state: 'closed', ending: 'succeeded' });
        await expectEachEffectOnce(bench, back.id);
      },
      patienceMs,
    );
  });

  describe('a worker is paused with an order on its way', () => {
    it(
      'the change is undone and closed by another one: the late order is refused by the guard, and takes nothing',
      async () => {
        const { host, product } = bench;
        const address = host.address('nvme-1');
        const supervised = product.stack.child('worker');
        const paused = await SecondWorker.instead(supervised);
        const line = await LateLine.install(host);
        try {
          const { id } = await product.begin({ devices: [{ address }] });
          await until('the order is on its way', () => line.holds(), patienceMs);
          paused.pause();
          await supervised.start();
          await product.cancels(id);
          const undone = await product.when(id, 'closes', ({ state }) => state === 'closed');
          expect(undone).toMatchObject({ ending: 'undone', restored: true });
          const steps = await product.timeline(id);

          await line.delivers();
          await until(
            'the guard has answered the late order',
            async () => (await line.answer()) !== null,
            patienceMs,
          );
          expect(await line.answer()).toMatchObject({ ok: false, failure: { reason: 'stale-epoch' } });
          await paused.wakes();
          expect(await host.device(address)).toEqual({ driver: 'nvme', override: null });
          expect(await product.see(id)).toEqual(undone);
          expect(outcomes(await product.timeline(id))).toEqual(outcomes(steps));
        } finally {
          await line.remove();
          await paused.end();
          if (supervised.pid === undefined) await supervised.start();
        }
      },
      patienceMs,
    );
  });
}
