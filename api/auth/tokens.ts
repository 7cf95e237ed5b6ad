import { Injectable } from '@nestjs/common';
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { failureText } from '../logging.js';
import { ProblemError } from '../problem.js';
import { isRole } from './access.js';
import type { Caller } from './caller.js';

export interface Issuer {
  issuer: string;
  audience: string;
  /** How long an unknown key id is refused without asking the issuer again; 10 s unless told. */
  keysCooldownMs?: number;
}

/** Asymmetric only: with HS256 the issuer's public key would do as a secret. */
const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'];
const discoveryDeadlineMs = 5_000;
const clockToleranceSeconds = 5;
const longestClaim = 200;

/**
 * Checks access tokens of the one configured issuer (RFC 9068). Keys come from its discovery document and from
 * nowhere else: `jku`, `x5u` and `jwk` in a token's header are never followed.
 */
@Injectable()
export class Tokens {
  private keys: Promise<JWTVerifyGetKey> | null = null;

  constructor(private readonly issuer: Issuer) {}

  /** Who the bearer is. Throws `unauthenticated`, or `issuer-down` when nobody can tell. */
  async callerOf(token: string): Promise<Caller> {
    const keys = await this.issuerKeys();
    const { payload } = await jwtVerify(token, keys, {
      issuer: this.issuer.issuer,
      audience: this.issuer.audience,
      algorithms,
      typ: 'at+jwt',
      requiredClaims: ['exp', 'sub', 'iat'],
      clockTolerance: clockToleranceSeconds,
    }).catch((error: unknown) => refuse(error));
    return callerOf(payload);
  }

  /** Whether the issuer's keys can be had; for readiness. */
  async check(): Promise<void> {
    await this.issuerKeys();
  }

  private issuerKeys(): Promise<JWTVerifyGetKey> {
    this.keys ??= discoverKeys(this.issuer).catch((error: unknown) => {
      this.keys = null;
      throw new ProblemError(
        'issuer-down',
        { detail: `issuer ${this.issuer.issuer}: ${failureText(error)}` },
        { cause: error },
      );
    });
    return this.keys;
  }
}

async function discoverKeys({ issuer, keysCooldownMs = 10_000 }: Issuer): Promise<JWTVerifyGetKey> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(discoveryDeadlineMs), redirect: 'error' });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const found = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown };
  if (found.issuer !== issuer) throw new Error(`expected issuer ${issuer}, found ${String(found.issuer)}`);
  if (typeof found.jwks_uri !== 'string') throw new Error(`${url} names no jwks_uri`);
  return createRemoteJWKSet(new URL(found.jwks_uri), {
    timeoutDuration: discoveryDeadlineMs,
    cooldownDuration: keysCooldownMs,
  });
}

const unreachable = ['ERR_JWKS_TIMEOUT', 'ERR_JOSE_GENERIC'];

function refuse(error: unknown): never {
  if (error instanceof errors.JOSEError && !unreachable.includes(error.code)) {
    throw new ProblemError(
      'unauthenticated',
      { detail: `the access token is refused: ${error.message}` },
      { cause: error },
    );
  }
  throw new ProblemError(
    'issuer-down',
    { detail: `the issuer's keys can't be read: ${failureText(error)}` },
    { cause: error },
  );
}

function callerOf(payload: JWTPayload): Caller {
  const { iss = '', sub = '', name } = payload;
  if (sub === '' || sub.length > longestClaim) {
    throw new ProblemError('unauthenticated', { detail: 'the access token names no subject' });
  }
  return {
    identity: { issuer: iss, subject: sub },
    name: typeof name === 'string' && name ? name.slice(0, longestClaim) : sub,
    roles: strings(payload.roles).filter(isRole),
    groups: strings(payload.groups),
    machine: isMachine(payload),
    validUntil: (payload.exp! + clockToleranceSeconds) * 1000,
  };
}

/** RFC 9068 §2.2: a token without a person has the client as its subject; some issuers name the grant instead. */
function isMachine(payload: JWTPayload): boolean {
  const client = payload.client_id ?? payload.azp;
  const grant = payload.gty ?? payload.grant_type;
  return payload.sub === client || grant === 'client-credentials' || grant === 'client_credentials';
}

function strings(claim: unknown): string[] {
  if (!Array.isArray(claim)) return [];
  return claim.filter((one): one is string => typeof one === 'string' && one.length <= longestClaim);
}
