import type { Server } from 'node:http';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { startIssuer } from '../../stack/issuer.js';
import { makeKeys } from '../../stack/keys.js';
import { readPeople } from '../../stack/people.js';
import { checkout } from '../../stack/places.js';
import { localIssuer } from '../../stack/plans.js';
import { choosePorts, loopback } from '../../stack/ports.js';
import { tokenOf } from '../../stack/token.js';
import { temporaryHome } from './home.js';

const home = temporaryHome();
const keys = makeKeys(home.path);
let server: Server;
let url: string;

beforeAll(async () => {
  const [port] = await choosePorts([{ purpose: 'the issuer', port: 0, option: '' }]);
  url = `http://${loopback}:${port}`;
  server = await startIssuer({
    issuer: url,
    host: loopback,
    port,
    jwks: JSON.parse(readFileSync(keys.issuerKeys, 'utf8')),
    secret: readFileSync(keys.issuerSecret, 'utf8'),
    people: readPeople(join(checkout, 'stack', 'demo-people.json')),
  });
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  home.remove();
});

function ask(parameters: Record<string, string>): Promise<Response> {
  const { grantType, clientId } = localIssuer(url, keys);
  const form = { grant_type: grantType, client_id: clientId, ...parameters };
  return fetch(`${url}/token`, { method: 'POST', body: new URLSearchParams(form) });
}

describe('the local issuer', () => {
  it('gives a person a token that any OIDC client can check by discovery alone', async () => {
    const discovery = (await (await fetch(`${url}/.well-known/openid-configuration`)).json()) as {
      issuer: string;
      jwks_uri: string;
    };
    expect(discovery.issuer).toBe(url);
    const token = await tokenOf('approver-1', { issuer: localIssuer(url, keys) });
    const { payload, protectedHeader } = await jwtVerify(
      token,
      createRemoteJWKSet(new URL(discovery.jwks_uri)),
      {
        issuer: url,
        audience: 'slipway',
        algorithms: ['ES256'],
      },
    );
    expect(protectedHeader.alg).toBe('ES256');
    expect(payload).toMatchObject({
      sub: 'approver-1',
      roles: ['approver'],
      groups: expect.arrayContaining(['approvers']),
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600);
  });

  it.each([
    ['a wrong secret', { person: 'admin', secret: 'guess' }],
    ['no secret', { person: 'admin' }],
    ['an unknown person', { person: 'nobody', secret: readFileSync(keys.issuerSecret, 'utf8') }],
    ['no person', { secret: readFileSync(keys.issuerSecret, 'utf8') }],
  ])('gives nothing for %s, else whoever reaches loopback is admin', async (_, parameters) => {
    const response = await ask(parameters);
    expect(response.status).toBe(400);
    expect(await response.json()).not.toHaveProperty('access_token');
  });

  it('names the people it knows when asked for another', async () => {
    await expect(tokenOf('nobody', { issuer: localIssuer(url, keys) })).rejects.toThrow(
      /requester, approver-1/,
    );
  });

  it('offers no login page on which anyone could be anyone', async () => {
    const response = await fetch(
      `${url}/auth?client_id=slipway-cli&response_type=code&scope=openid&redirect_uri=http://127.0.0.1/cb`,
      { redirect: 'manual' },
    );
    expect(response.status).toBe(400);
  });
});

describe('the people file', () => {
  it.each([
    ['no JSON', '{', 'expected a JSON object'],
    ['a list', '[]', 'expected a JSON object'],
    ['roles that are no list', '{"a":{"name":"A","roles":"admin","groups":[]}}', '"a" is no person'],
  ])('with %s is refused with the entry named', (_, content, message) => {
    const path = join(home.path, 'people.json');
    writeFileSync(path, content);
    expect(() => readPeople(path)).toThrow(message);
  });
});
