import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { expectInvariants } from './invariants.js';
import { address, attach, giveBack, guestSees, places } from './places.js';
import { openRig, type Rig } from './rig.js';

describe('the worker is killed at every failpoint of an undo', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig();
  }, 90_000);
  afterAll(() => rig?.close());
  afterEach(() => rig?.failpoints.clear());

  it('every place is reached on the way there, on the way back and in undo', async () => {
    rig.failpoints.trace();
    expect((await rig.change(attach)).ending).toBe('succeeded');
    expect((await rig.change(giveBack)).ending).toBe('succeeded');
    const forward = rig.failpoints.hits;
    await guestSees(rig, 'never');
    expect((await rig.change(attach)).ending).toBe('undone');
    await guestSees(rig, 'always');
    const undo = rig.failpoints.hits.slice(forward.length);
    for (const place of places) {
      expect(forward.filter((hit) => hit === place)).toHaveLength(4);
      expect(undo.filter((hit) => hit === place)).toHaveLength(4);
    }
  }, 60_000);

  for (const place of places) {
    for (const hit of [1, 2]) {
      it(`at ${place}, act ${hit} of the undo: the undo is finished and proven`, async () => {
        await guestSees(rig, 'never');
        rig.failpoints.arm(place, hit + 2);
        const undone = await rig.change(attach);
        await guestSees(rig, 'always');
        expect({ fired: rig.failpoints.fired, ending: undone.ending }).toEqual({
          fired: true,
          ending: 'undone',
        });
        await expectInvariants(rig, undone, { address, heldBy: 'host' });
      }, 120_000);
    }
  }
});
