import { generateKeyPairSync } from 'node:crypto';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createApi } from '../../../api/app.js';
import type { EstateNames } from '../../../api/estate.module.js';
import { DecisionKey } from '../../../api/reviews/decision-key.js';
import type { Problem } from '../../../api/problem.js';
import type { ApiEnv } from '../../../config/env.js';
import { contradictions } from './conforms.js';
import { audience, startIssuer, type TestIssuer } from './issuer.js';

export const estate: EstateNames = {
  sites: [{ id: 'lab' }, { id: 'vc' }],
  hosts: [
    { id: 'sim-01', site: 'lab' },
    { id: 'sim-02', site: 'lab' },
  ],
  aliases: { 'isdn-card': { host: 'sim-01', address: '0000:02:00.0' } },
};

export interface Answer<Body = unknown> {
  status: number;
  headers: Headers;
  body: Body;
}

export interface TestApi {
  url: string;
  app: NestExpressApplication;
  issuer: TestIssuer;
  decisionPublicKey: ReturnType<typeof generateKeyPairSync>['publicKey'];
  /** Sends JSON with a token; `token` null sends none. */
  send<Body = Problem>(method: string, path: string, options?: SendOptions): Promise<Answer<Body>>;
  close(): Promise<void>;
}

export interface SendOptions {
  token?: string | null;
  body?: unknown;
  /** Sent as it is instead of `body`. */
  raw?: string;
  headers?: Record<string, string>;
}

/** An address of loopback where nothing listens: port 9 is discard. */
const nowhere = '127.0.0.1:9';

/** The real API on a loopback port. Without a database or Temporal it runs all the same, and says what is missing. */
export async function startApi(
  parts: { databaseUrl?: string; temporal?: string; uiUrl?: string; issuerUrl?: string } = {},
): Promise<TestApi> {
  const issuer = await startIssuer();
  const decision = generateKeyPairSync('ed25519');
  const decisionKey = new DecisionKey(
    decision.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  );
  const env: ApiEnv = {
    databaseUrl: parts.databaseUrl ?? `postgres://nobody@${nowhere}/none`,
    temporal: { address: parts.temporal ?? nowhere, namespace: 'default', uiUrl: parts.uiUrl },
    host: '127.0.0.1',
    port: 0,
    oidc: { issuer: parts.issuerUrl ?? issuer.url, audience },
    estatePath: 'unused',
    decisionPrivateKey: 'env:UNUSED',
    redisUrl: undefined,
    logLevel: process.env.TEST_LOG ?? 'silent',
  };
  const app = await createApi({ env, estate, decisionKey });
  await app.listen(0, '127.0.0.1');
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  const requester = await issuer.token('requester', ['requester']);
  return {
    url,
    app,
    issuer,
    decisionPublicKey: decision.publicKey,
    send: (method, path, options = {}) => send(url + path, method, { token: requester, ...options }),
    close: async () => {
      await app.close();
      await issuer.close();
    },
  };
}

export async function send<Body>(
  url: string,
  method: string,
  { token, body, raw, headers }: SendOptions,
): Promise<Answer<Body>> {
  const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(url, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(content === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(content === undefined ? {} : { body: content }),
  });
  const text = await response.text();
  const answer = text === '' ? undefined : (JSON.parse(text) as unknown);
  if (answer !== undefined) mustConform(method, url, response, answer);
  return { status: response.status, headers: response.headers, body: answer as Body };
}

/** Every answer that a test sees is held against the document. */
function mustConform(method: string, url: string, { status, headers }: Response, body: unknown): void {
  const { pathname } = new URL(url);
  const found = contradictions(method, pathname, {
    status,
    contentType: headers.get('content-type') ?? '',
    body,
  });
  if (found.length > 0)
    throw new Error(`an answer that docs/openapi.json does not describe: ${found.join('; ')}`);
}
