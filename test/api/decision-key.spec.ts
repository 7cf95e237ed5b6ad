import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { DecisionKey, readDecisionKey } from '../../api/reviews/decision-key.js';
import type { ApiEnv } from '../../config/env.js';
import { canonicalJson } from '../../domain/canonical.js';
import { decision } from '../records/samples.js';

const folder = mkdtempSync(join(tmpdir(), 'slipway-key-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

function starting(content: string): () => unknown {
  writeFileSync(join(folder, 'key.pem'), content);
  return () =>
    readDecisionKey({
      decisionPrivateKey: 'file:key.pem',
      estatePath: join(folder, 'estate.yaml'),
    } as ApiEnv);
}

describe('the key that signs reviews', () => {
  it('is refused at the start when it is missing, no key, or of another kind; it is named and never shown', () => {
    const rsa = pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
    expect(starting('s3cret junk')).toThrow(
      /^SLIPWAY_DECISION_PRIVATE_KEY: expected an Ed25519 private key in PEM, found something else; make one/,
    );
    expect(starting('s3cret junk')).not.toThrow(/s3cret/);
    expect(starting(rsa)).toThrow(/found a key of type rsa/);
    expect(() =>
      readDecisionKey({ decisionPrivateKey: 'file:none.pem', estatePath: join(folder, 'x') } as ApiEnv),
    ).toThrow(/nothing that can be read at file:none.pem/);
  });

  it('signs everything that a decision says: whatever is changed afterwards, the signature does not fit', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const { signature: _unsigned, ...unsigned } = decision('chg_1', { comment: 'fine' });
    const { signature, ...signed } = new DecisionKey(pem(privateKey)).sign(unsigned);
    const fits = (said: object): boolean =>
      verify(null, Buffer.from(canonicalJson(said)), publicKey, Buffer.from(signature, 'base64url'));
    expect(fits(signed)).toBe(true);
    for (const part of Object.keys(signed)) {
      expect({ part, fits: fits({ ...signed, [part]: 'something else' }) }).toEqual({ part, fits: false });
    }
  });
});
