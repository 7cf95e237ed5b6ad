import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTell, type Tell } from '../../activities/tell.js';
import { claim, listClaims } from '../../records/claims.js';
import { progress, storeChanges } from '../records/samples.js';
import { freshRegister, type TestRegister } from '../support/postgres.js';

let register: TestRegister;
let tell: Tell;
beforeAll(async () => {
  register = await freshRegister();
  const decisionKey = generateKeyPairSync('ed25519').publicKey;
  const none = (): never => {
    throw new Error('this is only about the register');
  };
  tell = createTell({
    register,
    decisionKey,
    hypervisorOf: none,
    guestOf: none,
    aliasesOn: none,
    lookAgain: none,
  });
});
afterAll(() => register.close());

/** A worker that was paused wakes with an order in its hands; others have ended the change meanwhile. */
describe('a late worker', () => {
  it('does not claim again for a change that was released', async () => {
    const wish = { changeId: 'late-1', keys: ['late/a'] };
    await storeChanges(register.db, 'late-1');
    await tell.claim(wish);
    const telling = progress('late-1', 1, { state: 'closed', ending: 'undone' });
    await tell.release({ changeId: 'late-1', forget: null, telling });
    await expect(tell.raiseEpoch(wish)).rejects.toMatchObject({ failure: { reason: 'stale-epoch' } });
    expect(await listClaims(register.db, 'late-1')).toEqual([]);
  });

  it('frees nothing that its change still needs, and everything once it is told to be closed', async () => {
    const wish = { changeId: 'late-2', keys: ['late/b'] };
    await storeChanges(register.db, 'late-2');
    await claim(register.db, wish);
    await tell.recordProgress(progress('late-2', 1, { state: 'undoing' }));
    expect(await listClaims(register.db, 'late-2')).toHaveLength(1);
    await tell.recordProgress(progress('late-2', 2, { state: 'closed', ending: 'undone' }));
    expect(await listClaims(register.db, 'late-2')).toEqual([]);
  });

  it('of a change whose claims were lost with the register gets them back while it is open', async () => {
    const wish = { changeId: 'late-3', keys: ['late/c'] };
    await storeChanges(register.db, 'late-3');
    expect(await tell.raiseEpoch(wish)).toBeGreaterThan(0);
    expect(await listClaims(register.db, 'late-3')).toHaveLength(1);
  });
});
