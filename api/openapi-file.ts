import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createApi } from './app.js';
import { openApiOf } from './openapi.js';
import { DecisionKey } from './reviews/decision-key.js';

/** Writes the OpenAPI document to a file (docs/openapi.json unless told). Nothing is connected to and no key is read. */
async function main(path = 'docs/openapi.json'): Promise<void> {
  const nowhere = '127.0.0.1:9';
  const env = {
    databaseUrl: `postgres://nobody@${nowhere}/none`,
    temporal: { address: nowhere, namespace: 'default', uiUrl: undefined },
    host: '127.0.0.1',
    port: 0,
    oidc: { issuer: `http://${nowhere}`, audience: 'slipway' },
    estatePath: '.',
    decisionPrivateKey: 'env:NONE',
    redisUrl: undefined,
    logLevel: 'silent',
  };
  const estate = { sites: [], hosts: [], aliases: {} };
  const { privateKey } = generateKeyPairSync('ed25519');
  const decisionKey = new DecisionKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  const app = await createApi({ env, estate, decisionKey }, { preview: true });
  writeFileSync(path, `${JSON.stringify(openApiOf(app), null, 2)}\n`);
}

await main(process.argv[2]);
