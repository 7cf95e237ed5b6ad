import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startIssuer } from '../../stack/issuer.js';
import { makeKeys } from '../../stack/keys.js';
import { localIssuer } from '../../stack/plans.js';
import { choosePorts, loopback } from '../../stack/ports.js';
import { startApi, type TestApi } from '../api/support/api.js';
import { type Ran, slipway } from './support/run.js';

const home = mkdtempSync(join(tmpdir(), 'slipway-token-'));
const keys = makeKeys(home);
let issuer: Server;
let api: TestApi;
beforeAll(async () => {
  const [port] = await choosePorts([{ purpose: 'the issuer', port: 0, option: '' }]);
  const url = `http://${loopback}:${port}`;
  const jwks = JSON.parse(readFileSync(keys.issuerKeys, 'utf8'));
  const people = new Map([['approver-1', { name: 'Approver 1', roles: ['approver'], groups: ['storage'] }]]);
  issuer = await startIssuer({
    issuer: url,
    host: loopback,
    port,
    jwks,
    secret: readFileSync(keys.issuerSecret, 'utf8'),
    people,
  });
  api = await startApi({ issuerUrl: url });
  writeFileSync(
    join(home, 'stack.json'),
    JSON.stringify({ apiUrl: api.url, issuer: localIssuer(url, keys) }),
  );
});
afterAll(async () => {
  await api?.close();
  issuer?.close();
  issuer?.closeAllConnections();
  rmSync(home, { recursive: true, force: true });
});

const here = (args: string[]): Promise<Ran> => slipway(args, { env: { SLIPWAY_HOME: home } });
const cache = join(home, 'cli', 'token.json');

describe('slipway token', () => {
  it('without a name asks who', async () => {
    const { code, err } = await here(['token']);
    expect({ code, told: err.includes('slipway token --as NAME') }).toEqual({ code: 2, told: true });
  });

  it('prints a token the API takes, and keeps it for the next command, for its owner’s eyes only', async () => {
    const { code, out } = await here(['token', '--as', 'approver-1']);
    expect(code).toBe(0);
    const direct = await slipway(['whoami', '--api', api.url, '-o', 'json'], {
      env: { SLIPWAY_TOKEN: out.trim() },
    });
    expect(JSON.parse(direct.out)).toMatchObject({
      name: 'Approver 1',
      roles: ['approver'],
      groups: ['storage'],
      machine: false,
    });
    expect(statSync(cache).mode & 0o777).toBe(0o600);
    expect(JSON.parse((await here(['whoami', '-o', 'json'])).out)).toMatchObject({
      identity: { subject: 'approver-1' },
    });
  });

  it('is only of use here: what is kept is not sent to another API', async () => {
    const other = await startApi();
    try {
      const { code, err } = await here(['whoami', '--api', other.url]);
      expect({ code, told: err.includes('no token') }).toEqual({ code: 4, told: true });
    } finally {
      await other.close();
    }
  });

  it('says when what was kept has expired', async () => {
    const kept = JSON.parse(readFileSync(cache, 'utf8'));
    writeFileSync(cache, JSON.stringify({ ...kept, expiresAt: Date.now() - 1 }));
    const { code, err } = await here(['whoami']);
    expect({ code, told: err.includes('has expired') }).toEqual({ code: 4, told: true });
  });

  it('--as speaks as somebody for one command without keeping anything', async () => {
    const { code, out } = await here(['whoami', '--as', 'approver-1', '-o', 'json']);
    expect({ code, name: JSON.parse(out).name }).toEqual({ code: 0, name: 'Approver 1' });
  });

  it('of nobody the local issuer knows is refused, with the names it does', async () => {
    const { code, err } = await here(['token', '--as', 'emperor']);
    expect({ code, told: err.includes('approver-1') }).toEqual({ code: 4, told: true });
  });

  it('is not to be had where no local issuer runs, nor for the API of another place', async () => {
    const elsewhere = await slipway(['token', '--as', 'approver-1', '--api', api.url]);
    expect({ code: elsewhere.code, told: elsewhere.err.includes('no local issuer') }).toEqual({
      code: 2,
      told: true,
    });
    const foreign = await here(['token', '--as', 'approver-1', '--api', 'http://127.0.0.1:1']);
    expect({ code: foreign.code, told: foreign.err.includes('not the API of the local issuer') }).toEqual({
      code: 2,
      told: true,
    });
  });
});
