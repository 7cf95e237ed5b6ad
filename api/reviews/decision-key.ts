import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { canonicalJson } from '../../domain/canonical.js';
import type { Decision, SignedDecision } from '../../domain/review.js';

/** Signs decisions, so that whoever can merely reach Temporal can't approve anything. */
export class DecisionKey {
  private readonly key: KeyObject;

  /** @throws Error that names what is wrong with the key, never the key. */
  constructor(pem: string) {
    try {
      this.key = createPrivateKey(pem);
    } catch {
      throw new Error(
        'SLIPWAY_DECISION_PRIVATE_KEY: expected a private key in PEM; make one with `openssl genpkey -algorithm ed25519`',
      );
    }
    if (this.key.asymmetricKeyType !== 'ed25519') {
      throw new Error(
        `SLIPWAY_DECISION_PRIVATE_KEY: expected an Ed25519 key, found ${this.key.asymmetricKeyType}`,
      );
    }
  }

  sign(decision: Decision): SignedDecision {
    const signature = sign(null, Buffer.from(canonicalJson(decision)), this.key).toString('base64url');
    return { ...decision, signature };
  }
}
