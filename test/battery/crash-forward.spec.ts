import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { expectInvariants } from './invariants.js';
import { address, attach, giveBack, places } from './places.js';
import { openRig, type Rig } from './rig.js';

describe('the worker is killed at every failpoint on the way there and back', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig();
  }, 90_000);
  afterAll(() => rig?.close());
  afterEach(() => rig?.failpoints.clear());

  for (const place of places) {
    for (const hit of [1, 2]) {
      it(`at ${place}, act ${hit} of the attach and of the return: neither loses the device nor does anything twice`, async () => {
        rig.failpoints.arm(place, hit);
        const attached = await rig.change(attach);
        expect({ fired: rig.failpoints.fired, ending: attached.ending }).toEqual({
          fired: true,
          ending: 'succeeded',
        });
        await expectInvariants(rig, attached, { address, heldBy: 'vm' });

        rig.failpoints.arm(place, hit);
        const returned = await rig.change(giveBack);
        expect({ fired: rig.failpoints.fired, ending: returned.ending }).toEqual({
          fired: true,
          ending: 'succeeded',
        });
        await expectInvariants(rig, returned, { address, heldBy: 'host' });
      }, 120_000);
    }
  }
});
