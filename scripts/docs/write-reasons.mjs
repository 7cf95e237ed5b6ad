#!/usr/bin/env node
// Writes docs/reasons.md from the compiled domain: `npm run build && node scripts/docs/write-reasons.mjs`.
import { writeFileSync } from 'node:fs';
import { reasonsPage } from './reasons-page.mjs';

const { reasons } = await import('../../dist/domain/failures.js').catch(() => {
  process.stderr.write('dist/domain/failures.js can’t be read; run: npm run build\n');
  process.exit(1);
});
writeFileSync(new URL('../../docs/reasons.md', import.meta.url), reasonsPage(reasons));
