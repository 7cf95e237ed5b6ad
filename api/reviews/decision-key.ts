import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { dirname } from 'node:path';
import type { ApiEnv } from '../../config/env.js';
import { resolveReference } from '../../config/estate.js';
import { canonicalJson } from '../../domain/canonical.js';
import type { Decision, SignedDecision } from '../../domain/review.js';

/** Signs decisions, so that whoever can merely reach Temporal can't approve anything. */
export class DecisionKey {
  private readonly key: KeyObject;

  /** @throws Error that says what is wrong with the key, never the key */
  constructor(pem: string) {
    this.key = privateKeyOf(pem);
    const kind = this.key.asymmetricKeyType;
    if (kind !== 'ed25519') throw wrongKey(`found a key of type ${kind}`);
  }

  sign(decision: Decision): SignedDecision {
    const signature = sign(null, Buffer.from(canonicalJson(decision)), this.key).toString('base64url');
    return { ...decision, signature };
  }
}

/**
 * The key that the environment refers to; relative paths start at the estate file's folder.
 * @throws Error with name, what was expected and found, and the remedy
 */
export function readDecisionKey({ decisionPrivateKey, estatePath }: ApiEnv): DecisionKey {
  let pem: string;
  try {
    pem = resolveReference(decisionPrivateKey, dirname(estatePath));
  } catch {
    throw wrongKey(`found nothing that can be read at ${decisionPrivateKey}`);
  }
  return new DecisionKey(pem);
}

function privateKeyOf(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw wrongKey('found something else');
  }
}

function wrongKey(actual: string): Error {
  return new Error(
    `SLIPWAY_DECISION_PRIVATE_KEY: expected an Ed25519 private key in PEM, ${actual}; ` +
      'make one with `openssl genpkey -algorithm ed25519` and give its public half to the worker',
  );
}
