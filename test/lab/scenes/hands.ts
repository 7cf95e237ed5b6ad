import { describe, expect, it } from '@jest/globals';
import type { Bench } from '../support/bench.js';
import { patienceMs } from '../support/product.js';
import { onDisk } from '../support/uses.js';

const vm = 'backup-store';

/** Operators do things by hand between a review and the act. */
export function handsOfOthers(bench: Bench): void {
  describe('what was reviewed is not so any more when its turn comes', () => {
    it(
      "the VM's definition was edited: a new plan, a new round, and the reviews of the old one are void",
      async () => {
        const { host, product } = bench;
        const before = await host.definition(vm);
        await product.holdSite();
        const reviewed = await product.begin({ vm, devices: [{ address: host.address('nvme-1') }] });
        await product.when(reviewed.id, 'waits for its site', ({ state }) => state === 'scheduled');
        await host.run(`virsh -q setmaxmem ${vm} 240M --config`);
        await product.releaseSite();

        const again = await product.when(reviewed.id, 'is in a new round', ({ round }) => round === 2);
        const waiting = await product.when(
          again.id,
          'waits for reviews',
          ({ state }) => state === 'awaiting-review',
        );
        expect(waiting.planHash).not.toBe(reviewed.planHash);
        expect(waiting.failures).toMatchObject([
          {
            reason: 'plan-changed',
            expected: expect.stringContaining(reviewed.planHash!),
            actual: expect.stringContaining(waiting.planHash!),
          },
        ]);
        expect(waiting.missing).toMatchObject([{ count: 2 }]);
        const late = await product.calls('approver-1', 'POST', `/changes/${again.id}/reviews`, {
          planHash: reviewed.planHash,
          decision: 'approve',
        });
        expect(late.status).toBeGreaterThanOrEqual(400);
        expect(await product.timeline(again.id)).toEqual([]);

        await product.orders('requester', `/changes/${again.id}:withdraw`, {
          reason: 'not on this VM any more',
        });
        expect(await product.end(again.id)).toMatchObject({ ending: 'withdrawn' });
        await host.run('virsh -q define /proc/self/fd/0', before);
        expect(await host.definition(vm)).toBe(before);
      },
      patienceMs,
    );

    it(
      'the disk was mounted before the gate looked: refused, and every byte is as before',
      async () => {
        const { host, product } = bench;
        const address = host.address('nvme-0');
        await product.holdSite();
        const { id } = await product.begin({ vm, devices: [{ address }] });
        await product.when(id, 'waits for its site', ({ state }) => state === 'scheduled');
        const held = await onDisk(host, address).mount();
        try {
          const before = await held.checksum();
          await product.releaseSite();
          const refused = await product.end(id);
          expect(refused).toMatchObject({
            ending: 'refused',
            failures: [{ reason: 'device-in-use-by-host' }],
          });
          expect(await product.timeline(id)).toEqual([]);
          expect(await held.checksum()).toBe(before);
          await held.stillWorks();
        } finally {
          await held.end();
        }
      },
      patienceMs,
    );

    it(
      'the disk was mounted after the gate looked: the guard does not take it, and every byte is as before',
      async () => {
        const { host, product } = bench;
        const address = host.address('nvme-0');
        product.failpoints.arm('act.b1', 1);
        const { id } = await product.begin({ vm, devices: [{ address }] });
        await product.workerDies();
        const held = await onDisk(host, address).mount();
        try {
          const before = await held.checksum();
          await product.workerReturns();
          const undone = await product.end(id);
          expect(undone).toMatchObject({
            ending: 'undone',
            restored: true,
            failures: [{ reason: 'device-in-use-by-host', actual: expect.stringContaining('mount') }],
          });
          const [dismount] = await product.timeline(id);
          expect(dismount).toMatchObject({ name: `dismount ${address}`, outcome: 'failed' });
          const ran = (await host.journal(dismount!.opId)).filter(({ event }) => event === 'ran');
          expect(ran).toEqual([]);
          expect(await held.checksum()).toBe(before);
          await held.stillWorks();
        } finally {
          await held.end();
        }
      },
      patienceMs,
    );
  });
}
