import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { auditEvents } from '../../records/audit.js';
import {
  claim,
  type ClaimAnswer,
  leaveLine,
  listClaims,
  newestEpoch,
  raiseEpoch,
  releaseClaims,
} from '../../records/claims.js';
import { inRegister } from '../../records/database.js';
import { quarantineClaimed, quarantineDevices, releaseQuarantine } from '../../records/quarantine.js';
import { recordProgress } from '../../records/progress.js';
import { freshRegister, lockWaiters, type TestRegister } from '../support/postgres.js';
import { operator, progress, storeChanges } from './samples.js';

let register: TestRegister;
beforeAll(async () => {
  register = await freshRegister({ connections: 20 });
});
afterAll(() => register.close());

function granted(answer: ClaimAnswer): number {
  if (!answer.granted) throw new Error(`refused: ${JSON.stringify(answer)}`);
  return answer.epoch;
}

describe('claiming', () => {
  it.each(['new', 'known'])(
    'lets exactly one of many changes win %s keys they all want, and deadlocks none',
    async (state) => {
      const all = Array.from({ length: 300 }, (_, index) => `race/${String(index).padStart(3, '0')}`);
      if (state === 'known') await releaseClaims(register.db, (await listClaims(register.db))[0]!.changeId);
      const wishes = Array.from({ length: 20 }, (_, index) => ({
        changeId: `race-${state}-${index}`,
        // Half of them name the keys the other way round: locks taken in the order of the wish would deadlock.
        keys: index % 2 ? all : all.toReversed(),
      }));
      const answers = await Promise.all(wishes.map((wish) => claim(register.db, wish)));
      const winners = wishes.filter((_, index) => answers[index]?.granted);
      expect(winners).toHaveLength(1);
      const winner = winners[0]!.changeId;
      expect((await listClaims(register.db, winner)).map((row) => row.key)).toEqual(all);
      for (const answer of answers) {
        if (!answer.granted) expect(answer.heldBy).toContainEqual({ key: 'race/000', changeId: winner });
      }
      await Promise.all(
        wishes
          .filter((wish) => wish.changeId !== winner)
          .map((wish) => leaveLine(register.db, wish.changeId)),
      );
    },
  );

  it('makes new keys in one order, so that two changes that name them in two orders don’t wait for each other', async () => {
    const orders = [
      ['order/a', 'order/m', 'order/z'],
      ['order/z', 'order/m', 'order/a'],
    ];
    let answers: Promise<ClaimAnswer[]> | undefined;
    await inRegister(register.owner.db, async (trx) => {
      // Both stop at the key in the middle, each with its first one made.
      await trx.insertInto('claims').values({ key: 'order/m', epoch: 0 }).execute();
      answers = Promise.all(
        orders.map((keys, index) => claim(register.db, { changeId: `order-${index}`, keys })),
      );
      await lockWaiters(register.owner, orders.length);
    });
    expect((await answers)?.filter((answer) => answer.granted)).toHaveLength(1);
  });

  it('takes nothing when one of several keys is held', async () => {
    granted(await claim(register.db, { changeId: 'whole-1', keys: ['whole/a'] }));
    const refused = await claim(register.db, { changeId: 'whole-2', keys: ['whole/b', 'whole/a'] });
    expect(refused).toEqual({
      granted: false,
      heldBy: [{ key: 'whole/a', changeId: 'whole-1' }],
      quarantined: [],
    });
    expect(await listClaims(register.db, 'whole-2')).toEqual([]);
  });

  it('gives the same epoch to a change that asks again, also ten times at once', async () => {
    const wish = {
      changeId: 'again-1',
      keys: ['again/a', 'again/b'],
      hostShare: { host: 'again', exclusive: false },
    };
    const epochs = await Promise.all(
      Array.from({ length: 10 }, async () => granted(await claim(register.db, wish))),
    );
    expect(new Set(epochs).size).toBe(1);
    const { items } = await auditEvents(register.db, { changeId: 'again-1', limit: 20 });
    expect(items.map((event) => event.kind)).toEqual(['claim.granted']);
  });

  it('gives one new epoch to everything when a change asks for more than it holds', async () => {
    const first = granted(await claim(register.db, { changeId: 'more-1', keys: ['more/a'] }));
    const second = granted(await claim(register.db, { changeId: 'more-1', keys: ['more/b'] }));
    expect(second).toBeGreaterThan(first);
    const held = await listClaims(register.db, 'more-1');
    expect(held.map(({ key, epoch }) => ({ key, epoch }))).toEqual([
      { key: 'more/a', epoch: second },
      { key: 'more/b', epoch: second },
    ]);
  });

  it('lets changes share a host, but none beside one that has it alone', async () => {
    const share = (changeId: string, exclusive: boolean) =>
      claim(register.db, { changeId, keys: [`${changeId}/key`], hostShare: { host: 'shared', exclusive } });
    granted(await share('share-1', false));
    granted(await share('share-2', false));
    const heldBy = ['share-1', 'share-2'].map((changeId) => ({ key: 'host/shared', changeId }));
    expect(await share('share-3', true)).toMatchObject({ granted: false, heldBy });
    await releaseClaims(register.db, 'share-1');
    expect(await releaseClaims(register.db, 'share-2')).toMatchObject({ wake: ['share-3'] });
    granted(await share('share-3', true));
    expect(await share('share-4', false)).toMatchObject({
      heldBy: [{ key: 'host/shared', changeId: 'share-3' }],
    });
  });

  it('never lets an epoch shrink on any key, whatever changes claim, raise and release', async () => {
    const keys = ['seq/a', 'seq/b', 'seq/c'];
    const command = fc.record({
      changeId: fc.constantFrom('seq-1', 'seq-2', 'seq-3'),
      act: fc.constantFrom('claim' as const, 'raise' as const, 'release' as const),
      keys: fc.subarray(keys, { minLength: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 12 }), async (commands) => {
        const owner = new Map<string, string>();
        let newest = await newestEpoch(register.db);
        for (const { changeId, act, keys: wanted } of commands) {
          const own = [...owner].filter(([, holder]) => holder === changeId).map(([key]) => key);
          if (act === 'claim') {
            const answer = await claim(register.db, { changeId, keys: wanted });
            if (answer.granted) {
              for (const key of wanted) expect([undefined, changeId]).toContain(owner.get(key));
              wanted.forEach((key) => owner.set(key, changeId));
            }
          } else if (act === 'raise' && own.length > 0) {
            expect(await raiseEpoch(register.db, changeId)).toBeGreaterThan(newest);
          } else if (act === 'release') {
            const { epoch } = await releaseClaims(register.db, changeId);
            expect(epoch === null).toBe(own.length === 0);
            own.forEach((key) => owner.delete(key));
          }
          newest = await newestEpoch(register.db);
          const held = await listClaims(register.db);
          expect(
            new Map(held.filter((row) => keys.includes(row.key)).map((row) => [row.key, row.changeId])),
          ).toEqual(owner);
        }
        for (const changeId of ['seq-1', 'seq-2', 'seq-3']) {
          await releaseClaims(register.db, changeId);
          await leaveLine(register.db, changeId);
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('the waiting line', () => {
  it('wakes those who wait for any freed key, oldest first, and again when the answer was lost', async () => {
    granted(await claim(register.db, { changeId: 'line-1', keys: ['line/a', 'line/b'] }));
    await claim(register.db, { changeId: 'line-2', keys: ['line/b'] });
    await claim(register.db, { changeId: 'line-3', keys: ['line/a'] });
    await claim(register.db, { changeId: 'line-2', keys: ['line/b'] });
    const released = await releaseClaims(register.db, 'line-1');
    expect(released.wake).toEqual(['line-2', 'line-3']);
    expect(released.epoch).toBe(await newestEpoch(register.db));
    expect(await releaseClaims(register.db, 'line-1')).toEqual({ epoch: null, wake: ['line-2', 'line-3'] });
  });

  it('does not let a younger change overtake an older one that could be granted', async () => {
    granted(await claim(register.db, { changeId: 'fifo-1', keys: ['fifo/a'] }));
    await claim(register.db, { changeId: 'fifo-2', keys: ['fifo/a', 'fifo/b'] });
    await releaseClaims(register.db, 'fifo-1');
    const younger = await claim(register.db, { changeId: 'fifo-3', keys: ['fifo/b'] });
    expect(younger).toMatchObject({ granted: false, heldBy: [{ key: 'fifo/b', changeId: 'fifo-2' }] });
    granted(await claim(register.db, { changeId: 'fifo-2', keys: ['fifo/a', 'fifo/b'] }));
  });

  it('does not keep a free key from a younger change for an older one that can’t be granted anyway', async () => {
    granted(await claim(register.db, { changeId: 'block-1', keys: ['block/a'] }));
    await claim(register.db, { changeId: 'block-2', keys: ['block/a', 'block/b'] });
    granted(await claim(register.db, { changeId: 'block-3', keys: ['block/b'] }));
  });

  it('wakes whoever stood behind a change that gives up, also one that was closed', async () => {
    await storeChanges(register.db, 'leave-2');
    granted(await claim(register.db, { changeId: 'leave-1', keys: ['leave/a'] }));
    await claim(register.db, { changeId: 'leave-2', keys: ['leave/a'] });
    await claim(register.db, { changeId: 'leave-3', keys: ['leave/a'] });
    expect(await leaveLine(register.db, 'leave-2')).toEqual(['leave-3']);
    expect(await leaveLine(register.db, 'leave-2')).toEqual([]);
    await claim(register.db, { changeId: 'leave-2', keys: ['leave/a'] });
    await recordProgress(register.db, progress('leave-2', 1, { state: 'closed', ending: 'withdrawn' }));
    expect(await releaseClaims(register.db, 'leave-1')).toMatchObject({ wake: ['leave-3'] });
  });

  it('lets a younger change pass one that has not asked for long, so that a lost workflow blocks nobody', async () => {
    granted(await claim(register.db, { changeId: 'lost-1', keys: ['lost/a'] }));
    await claim(register.db, { changeId: 'lost-2', keys: ['lost/a'] });
    await releaseClaims(register.db, 'lost-1');
    expect(await claim(register.db, { changeId: 'lost-3', keys: ['lost/a'] })).toMatchObject({
      granted: false,
    });
    await register.owner.db
      .updateTable('waiting_line')
      .set({ first_until: '2020-01-01T00:00:00Z' })
      .where('change_id', '=', 'lost-2')
      .execute();
    granted(await claim(register.db, { changeId: 'lost-3', keys: ['lost/a'] }));
  });
});

describe('a closed change', () => {
  it('claims nothing and joins no line, although a worker that was late asks for it', async () => {
    await storeChanges(register.db, 'closed-1');
    await recordProgress(register.db, progress('closed-1', 1, { state: 'closed', ending: 'undone' }));
    await expect(claim(register.db, { changeId: 'closed-1', keys: ['closed/a'] })).rejects.toMatchObject({
      failure: { reason: 'stale-epoch', actual: 'it is closed' },
    });
    granted(await claim(register.db, { changeId: 'closed-2', keys: ['closed/a'] }));
    await expect(claim(register.db, { changeId: 'closed-1', keys: ['closed/a'] })).rejects.toThrow();
    expect(await releaseClaims(register.db, 'closed-2')).toMatchObject({ wake: [] });
  });

  it('is not closed between the question of a late claim and its grant: whoever closes it waits, then frees it', async () => {
    await storeChanges(register.db, 'closing-1');
    const closing = progress('closing-1', 1, { state: 'closed', ending: 'undone' });
    let claimed: Promise<ClaimAnswer> | undefined;
    let closed: Promise<void> | undefined;
    await inRegister(register.owner.db, async (trx) => {
      await trx.insertInto('claims').values({ key: 'closing/a', epoch: 0 }).execute();
      claimed = claim(register.db, { changeId: 'closing-1', keys: ['closing/a'] });
      await lockWaiters(register.owner, 1);
      closed = recordProgress(register.db, closing);
      await lockWaiters(register.owner, 2);
    });
    granted(await claimed!);
    await closed;
    await releaseClaims(register.db, 'closing-1');
    expect(await listClaims(register.db, 'closing-1')).toEqual([]);
  });
});

describe('raising and releasing', () => {
  it('refuses to raise what is not held', async () => {
    await expect(raiseEpoch(register.db, 'nothing-held')).rejects.toMatchObject({
      failure: { reason: 'stale-epoch' },
    });
  });

  it('leaves an audit event for every epoch it gives out', async () => {
    const epoch = granted(await claim(register.db, { changeId: 'noted-1', keys: ['noted/a'] }));
    const raised = await raiseEpoch(register.db, 'noted-1');
    const { epoch: last } = await releaseClaims(register.db, 'noted-1');
    const { items } = await auditEvents(register.db, { changeId: 'noted-1', limit: 10 });
    expect(items.map(({ kind, data }) => [kind, data['epoch']])).toEqual([
      ['claim.granted', epoch],
      ['claim.raised', raised],
      ['claim.released', last],
    ]);
  });
});

describe('quarantine', () => {
  it('keeps everybody out but the change that set it, with its reason, until an operator lifts it', async () => {
    granted(await claim(register.db, { changeId: 'sick-1', keys: ['sick/a', 'sick/vm'] }));
    await quarantineDevices(register.db, 'sick-1', ['sick/a'], 'did not return to its driver');
    await quarantineDevices(register.db, 'sick-1', ['sick/a'], 'again');
    granted(await claim(register.db, { changeId: 'sick-1', keys: ['sick/a', 'sick/vm'] }));
    await releaseClaims(register.db, 'sick-1');
    const refused = await claim(register.db, { changeId: 'sick-2', keys: ['sick/a'] });
    const quarantined = [{ key: 'sick/a', changeId: 'sick-1', why: 'did not return to its driver' }];
    expect(refused).toEqual({ granted: false, heldBy: [], quarantined });
    await releaseQuarantine(register.db, ['sick/a'], operator, 'looked at it');
    expect(await releaseQuarantine(register.db, ['sick/a'], operator, 'again')).toEqual([]);
    granted(await claim(register.db, { changeId: 'sick-2', keys: ['sick/a'] }));
    const { items } = await auditEvents(register.db, { changeId: 'sick-1', limit: 10 });
    expect(items.map((event) => event.kind)).toEqual([
      'claim.granted',
      'quarantine.set',
      'claim.released',
      'quarantine.released',
    ]);
    expect(items.at(-1)?.actor).toBe('https://issuer.test#operator');
  });

  it('of a change whose workflow is gone spares what it has released since somebody looked', async () => {
    granted(await claim(register.db, { changeId: 'gone-1', keys: ['gone/a', 'gone/b'] }));
    expect(await quarantineClaimed(register.db, 'gone-1', ['gone/a'], 'gone')).toEqual(['gone/a']);
    await releaseClaims(register.db, 'gone-1');
    expect(await quarantineClaimed(register.db, 'gone-1', ['gone/b'], 'gone')).toEqual([]);
    granted(await claim(register.db, { changeId: 'gone-2', keys: ['gone/b'] }));
  });
});
