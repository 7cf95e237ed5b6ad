import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { makeKeys } from '../../stack/keys.js';
import { temporaryHome } from './home.js';

it('keys fit together, are private, and are never made twice: old reviews were signed with the first', () => {
  const home = temporaryHome();
  try {
    const keys = makeKeys(home.path);
    const text = Buffer.from('a review');
    const signature = sign(null, text, createPrivateKey(readFileSync(keys.decisionPrivate)));
    expect(verify(null, text, createPublicKey(readFileSync(keys.decisionPublic)), signature)).toBe(true);
    expect(verify(null, text, createPublicKey(readFileSync(keys.checkpointPublic)), signature)).toBe(false);
    for (const file of Object.values(keys)) expect(statSync(file).mode & 0o777).toBe(0o600);
    const before = Object.values(keys).map((file) => readFileSync(file, 'utf8'));
    expect(Object.values(makeKeys(home.path)).map((file) => readFileSync(file, 'utf8'))).toEqual(before);
  } finally {
    home.remove();
  }
});
