import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UnsecuredJWT } from 'jose';
import { Tokens } from '../../api/auth/tokens.js';
import { startApi, type TestApi } from './support/api.js';
import { audience, makeKeys, startIssuer, type TokenWish } from './support/issuer.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const now = (): number => Math.floor(Date.now() / 1000);

async function statusWith(
  token: string | null,
  headers?: Record<string, string>,
): Promise<{ status: number; code: string; detail: string }> {
  const { status, body } = await api.send('GET', '/v1/me', { token, headers });
  return { status, code: body.code, detail: body.detail };
}

describe('a token is refused', () => {
  const wishes: [string, TokenWish][] = [
    ['of another issuer', { claims: { iss: 'https://issuer.example.net' } }],
    ['for another audience', { claims: { aud: 'another-api' } }],
    ['that has expired', { claims: { exp: now() - 60 } }],
    ['that is not valid yet', { claims: { nbf: now() + 600 } }],
    ['that is an ID token', { header: { typ: 'JWT' } }],
    ['without a type', { header: { typ: undefined } }],
    ['with a key id nobody published', { header: { kid: 'key-of-nobody' } }],
  ];
  it.each(wishes)('%s', async (_, wish) => {
    const token = await api.issuer.token('requester', ['requester'], wish);
    expect(await statusWith(token)).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  it('signed by a key that is not the issuer’s, under the issuer’s key id', async () => {
    const stranger = await makeKeys('key-1');
    const token = await api.issuer.token('requester', ['requester'], { key: stranger.private });
    expect(await statusWith(token)).toMatchObject({ status: 401 });
  });

  it('that brings its own key in the header', async () => {
    const stranger = await makeKeys('own');
    const token = await api.issuer.token('requester', ['requester'], {
      key: stranger.private,
      header: { kid: 'own', jwk: stranger.public },
    });
    expect(await statusWith(token)).toMatchObject({ status: 401 });
  });

  it('that names where to fetch its key', async () => {
    const before = api.issuer.keyRequests();
    const stranger = await makeKeys('own');
    const header = { jku: `${api.issuer.url}/stolen`, x5u: `${api.issuer.url}/stolen`, kid: 'key-1' };
    const token = await api.issuer.token('requester', ['requester'], { key: stranger.private, header });
    expect(await statusWith(token)).toMatchObject({ status: 401 });
    expect(api.issuer.keyRequests()).toBeLessThanOrEqual(before + 1);
  });

  it('with algorithm none', async () => {
    const unsigned = new UnsecuredJWT({ roles: ['admin'] })
      .setIssuer(api.issuer.url)
      .setAudience(audience)
      .setSubject('x')
      .setExpirationTime('1h')
      .encode();
    expect(await statusWith(unsigned)).toMatchObject({ status: 401 });
  });

  it('signed with the public key as a shared secret', async () => {
    const token = await api.issuer.token('requester', ['requester'], {
      header: { alg: 'HS256' },
      key: new TextEncoder().encode('x'.repeat(64)),
    });
    expect(await statusWith(token)).toMatchObject({ status: 401 });
  });

  it('that is no JWT, or sent in another way', async () => {
    expect(await statusWith('not.a.jwt')).toMatchObject({ status: 401 });
    expect(await statusWith(null)).toMatchObject({
      status: 401,
      detail: 'the header Authorization is missing',
    });
    expect(await statusWith(null, { authorization: 'Basic eDp5' })).toMatchObject({ status: 401 });
    const token = await api.issuer.token('requester', ['requester']);
    const inQuery = await api.send('GET', `/v1/me?access_token=${token}`, { token: null });
    expect(inQuery.status).toBe(401);
  });

  it('and the answer is a problem that does not repeat the token', async () => {
    const answer = await api.send('GET', '/v1/me', { token: 'abc.def.ghi' });
    expect(answer.headers.get('content-type')).toMatch('application/problem+json');
    expect(answer.headers.get('www-authenticate')).toMatch('Bearer');
    expect(answer.body).toMatchObject({
      type: 'urn:slipway:problem:unauthenticated',
      status: 401,
      instance: '/v1/me',
      retryable: false,
    });
    expect(JSON.stringify(answer.body)).not.toContain('abc.def.ghi');
  });
});

describe('a token is taken', () => {
  it('and says who the caller is by issuer and subject; roles nobody knows are left out', async () => {
    const token = await api.issuer.token('approver-1', ['approver', 'emperor'], {
      claims: { groups: ['storage'] },
    });
    const { status, body } = await api.send<unknown>('GET', '/v1/me', { token });
    expect(status).toBe(200);
    expect(body).toEqual({
      identity: { issuer: api.issuer.url, subject: 'approver-1' },
      name: 'name of approver-1',
      roles: ['approver'],
      groups: ['storage'],
      machine: false,
    });
  });

  it('after the issuer changed its keys, and the old key is refused from then on', async () => {
    const issuer = await startIssuer();
    const tokens = new Tokens({ issuer: issuer.url, audience, keysCooldownMs: 0 });
    try {
      const old = await issuer.token('requester', ['requester']);
      await expect(tokens.callerOf(old)).resolves.toMatchObject({ name: 'name of requester' });
      await issuer.rotate();
      await expect(tokens.callerOf(await issuer.token('requester', ['requester']))).resolves.toMatchObject({
        machine: false,
      });
      await expect(tokens.callerOf(old)).rejects.toMatchObject({ code: 'unauthenticated' });
    } finally {
      await issuer.close();
    }
  });

  it('as that of a program if the client is its own subject, or the grant says so', async () => {
    const tokens = new Tokens({ issuer: api.issuer.url, audience });
    const own = await api.issuer.token('pipeline', ['requester'], { claims: { client_id: 'pipeline' } });
    const granted = await api.issuer.token('x', ['requester'], { claims: { gty: 'client-credentials' } });
    await expect(tokens.callerOf(own)).resolves.toMatchObject({ machine: true });
    await expect(tokens.callerOf(granted)).resolves.toMatchObject({ machine: true });
  });

  it('when the issuer is down nobody is let in, and the answer says that it may be tried again', async () => {
    const other = await startApi({ issuerUrl: 'http://127.0.0.1:9' });
    try {
      const { status, body, headers } = await other.send('GET', '/v1/me');
      expect({ status, code: body.code, retryable: body.retryable }).toEqual({
        status: 503,
        code: 'issuer-down',
        retryable: true,
      });
      expect(headers.get('retry-after')).toBe('5');
    } finally {
      await other.close();
    }
  });

  it('a public RSA key can’t be used as an HMAC secret either', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const secret = new TextEncoder().encode(publicKey.export({ type: 'spki', format: 'pem' }).toString());
    const token = await api.issuer.token('requester', ['admin'], { header: { alg: 'HS512' }, key: secret });
    expect(await statusWith(token)).toMatchObject({ status: 401 });
  });
});
