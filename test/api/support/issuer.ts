import type { webcrypto } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

export const audience = 'slipway';

export interface TokenWish {
  claims?: JWTPayload;
  /** Protected header parts that differ from a proper access token's. */
  header?: Record<string, unknown>;
  key?: webcrypto.CryptoKey | Uint8Array;
}

/** A real issuer on loopback: discovery, keys, and tokens as a test wishes them. */
export interface TestIssuer {
  url: string;
  /** How often its keys were asked for. */
  keyRequests: () => number;
  token(subject: string, roles: string[], wish?: TokenWish): Promise<string>;
  /** New keys under a new key id; the old ones are gone. */
  rotate(): Promise<void>;
  close(): Promise<void>;
}

export async function startIssuer(): Promise<TestIssuer> {
  let keys = await makeKeys('key-1');
  let asked = 0;
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.url === '/.well-known/openid-configuration') {
      response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/jwks` }));
    } else if (request.url === '/jwks') {
      asked += 1;
      response.end(JSON.stringify({ keys: [keys.public] }));
    } else {
      response.statusCode = 404;
      response.end();
    }
  });
  const url = await listening(server);
  return {
    url,
    keyRequests: () => asked,
    rotate: async () => void (keys = await makeKeys('key-2')),
    close: () => new Promise((done) => server.close(() => done())),
    token: (subject, roles, wish = {}) =>
      new SignJWT({ client_id: 'slipway-cli', roles, groups: [], name: `name of ${subject}`, ...wish.claims })
        .setProtectedHeader({ alg: 'ES256', kid: keys.kid, typ: 'at+jwt', ...wish.header })
        .setSubject(subject)
        .setIssuer(wish.claims?.iss ?? url)
        .setAudience(wish.claims?.aud ?? audience)
        .setIssuedAt(wish.claims?.iat)
        .setExpirationTime(wish.claims?.exp ?? '10m')
        .sign(wish.key ?? keys.private),
  };
}

export async function makeKeys(
  kid: string,
): Promise<{ kid: string; private: webcrypto.CryptoKey; public: object }> {
  const pair = await generateKeyPair('ES256', { extractable: true });
  return {
    kid,
    private: pair.privateKey,
    public: { ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256', use: 'sig' },
  };
}

export function listening(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
  });
}
