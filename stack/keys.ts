import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from './places.js';

/** Where each key lies; processes get `file:` references of these, never the keys. */
export interface KeyFiles {
  readonly decisionPrivate: string;
  readonly decisionPublic: string;
  readonly checkpoint: string;
  readonly checkpointPublic: string;
  readonly issuerKeys: string;
  readonly issuerSecret: string;
}

/** Makes whatever key is missing, each readable by its owner only; never replaces one: old reviews were signed with it. */
export function makeKeys(home: string): KeyFiles {
  const file = (name: string): string => join(home, 'keys', name);
  const keys: KeyFiles = {
    decisionPrivate: file('decision.key.pem'),
    decisionPublic: file('decision.pub.pem'),
    checkpoint: file('checkpoint.key.pem'),
    checkpointPublic: file('checkpoint.pub.pem'),
    issuerKeys: file('issuer.jwks.json'),
    issuerSecret: file('issuer.secret'),
  };
  makeSigningPair(keys.decisionPrivate, keys.decisionPublic);
  makeSigningPair(keys.checkpoint, keys.checkpointPublic);
  if (!existsSync(keys.issuerKeys)) writeWhole(keys.issuerKeys, JSON.stringify({ keys: [issuerKey()] }));
  if (!existsSync(keys.issuerSecret)) writeWhole(keys.issuerSecret, randomBytes(32).toString('base64url'));
  return keys;
}

function makeSigningPair(privateFile: string, publicFile: string): void {
  if (existsSync(privateFile)) return;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  // The public one first: whoever finds the private one may rely on its other half.
  writeWhole(publicFile, publicKey.export({ type: 'spki', format: 'pem' }).toString());
  writeWhole(privateFile, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
}

function issuerKey(): object {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' };
}
