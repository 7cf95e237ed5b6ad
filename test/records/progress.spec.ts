import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { failure } from '../../domain/failures.js';
import { auditEvents } from '../../records/audit.js';
import { getChange } from '../../records/changes.js';
import { RecordMissing } from '../../records/missing.js';
import { markDelivered, nextOutbox } from '../../records/outbox.js';
import { recordProgress } from '../../records/progress.js';
import { freshRegister, type TestRegister } from '../support/postgres.js';
import { later, progress, storeChanges } from './samples.js';

let register: TestRegister;
beforeAll(async () => {
  register = await freshRegister();
});
afterAll(() => register.close());

async function keysOf(changeId: string): Promise<string[]> {
  const { items } = await auditEvents(register.db, { changeId, limit: 100 });
  return items.map((event) => event.key).filter((key) => key !== 'change.requested');
}

describe('progress', () => {
  it('shows everything the workflow tells, and clears what it no longer tells', async () => {
    await storeChanges(register.db, 'whole-1');
    const parked = {
      state: 'parked' as const,
      planHash: 'plan-1',
      missing: [{ requirement: 'two-reviewers', count: 1, groups: ['change-board'] }],
      clocks: { reviewUntil: 1, executeUntil: 2, planUntil: 3 },
      failures: [failure('detach-pending', { where: { host: 'kvm-01' } })],
      waitingFor: 'detach 0000:02:00.0',
      halfState: {
        branches: [
          { branch: 'vm' as const, stoppedAt: 'attach 0000:02:00.0', failure: failure('detach-pending') },
        ],
        commands: [{ step: 'attach 0000:02:00.0', commands: [{ tool: 'virsh', argv: ['detach-device'] }] }],
      },
      restored: false,
    };
    await recordProgress(register.db, progress('whole-1', 1, parked));
    expect(await getChange(register.db, 'whole-1')).toMatchObject({
      ...parked,
      sequence: 1,
      updatedAt: later(1),
    });
    await recordProgress(
      register.db,
      progress('whole-1', 2, { state: 'closed', ending: 'undone', restored: true }),
    );
    expect(await getChange(register.db, 'whole-1')).toMatchObject({
      state: 'closed',
      ending: 'undone',
      planHash: null,
      missing: [],
      clocks: {},
      failures: [],
      waitingFor: null,
      halfState: null,
      restored: true,
    });
  });

  it('never lets an older entry overwrite a newer one, in whatever order and number they arrive', async () => {
    let run = 0;
    const arrivals = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(arrivals, fc.boolean(), async (sequences, atOnce) => {
        const changeId = `order-${(run += 1)}`;
        await storeChanges(register.db, changeId);
        const write = (sequence: number): Promise<void> =>
          recordProgress(register.db, progress(changeId, sequence, { waitingFor: `step ${sequence}` }));
        if (atOnce) await Promise.all(sequences.map(write));
        else for (const sequence of sequences) await write(sequence);
        const newest = Math.max(...sequences);
        expect(await getChange(register.db, changeId)).toMatchObject({
          sequence: newest,
          waitingFor: `step ${newest}`,
        });
        const expected = [...new Set(sequences)].map((sequence) => `progress-${sequence}`).sort();
        expect((await keysOf(changeId)).sort()).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('changes nothing when an entry is repeated, not even the version that clients compare', async () => {
    await storeChanges(register.db, 'repeat-1');
    await recordProgress(register.db, progress('repeat-1', 1));
    const before = await getChange(register.db, 'repeat-1');
    await recordProgress(register.db, progress('repeat-1', 1));
    expect(await getChange(register.db, 'repeat-1')).toEqual(before);
    expect(await keysOf('repeat-1')).toEqual(['progress-1']);
  });

  it('leaves neither row nor event when one of the two can’t be written', async () => {
    await storeChanges(register.db, 'atomic-1');
    const broken = progress('atomic-1', 1, { state: 'closed' });
    await expect(recordProgress(register.db, broken)).rejects.toThrow(/check constraint/);
    const badTime = {
      ...progress('atomic-1', 1),
      events: [{ ...progress('atomic-1', 1).events[0]!, at: 'never' }],
    };
    await expect(recordProgress(register.db, badTime)).rejects.toThrow(RangeError);
    expect(await getChange(register.db, 'atomic-1')).toMatchObject({ state: 'inspecting', sequence: 0 });
    expect(await keysOf('atomic-1')).toEqual([]);
  });

  it('refuses to invent a change that was never requested', async () => {
    await expect(recordProgress(register.db, progress('nobody', 1))).rejects.toThrow(RecordMissing);
  });
});

describe('the outbox', () => {
  it('hands a row to one taker only, and again when its lease is over, until it is delivered', async () => {
    for (;;) {
      const old = await nextOutbox(register.db, { limit: 500 });
      if (old.length === 0) break;
      await markDelivered(
        register.db,
        old.map((row) => row.id),
      );
    }
    await storeChanges(register.db, 'out-1', 'out-2', 'out-3', 'out-4');
    const takers = await Promise.all(Array.from({ length: 4 }, () => nextOutbox(register.db, { limit: 1 })));
    const taken = takers.flat();
    expect(taken.map((row) => row.changeId).sort()).toEqual(['out-1', 'out-2', 'out-3', 'out-4']);
    await markDelivered(
      register.db,
      taken.filter((row) => row.changeId !== 'out-3').map((row) => row.id),
    );
    expect(await nextOutbox(register.db, { limit: 10 })).toEqual([]);
    await register.owner.db.updateTable('outbox').set({ leased_until: '2020-01-01T00:00:00Z' }).execute();
    const again = await nextOutbox(register.db, { limit: 10 });
    expect(again).toMatchObject([{ changeId: 'out-3', key: 'change.requested', attempts: 2 }]);
    expect(await nextOutbox(register.db, { limit: 10 })).toEqual([]);
  });
});
