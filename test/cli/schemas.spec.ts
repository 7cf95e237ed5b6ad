import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { type OpenApi, schemasText } from '../../cli/write-schemas.js';

it('the CLI knows the shapes of the stored OpenAPI document, no older ones; `node dist/cli/write-schemas.js` writes them', () => {
  const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as OpenApi;
  expect(readFileSync('cli/schemas.ts', 'utf8')).toBe(schemasText(document));
});
