import { describe, expect, it } from '@jest/globals';
import { reasons } from '../../domain/failures.js';
import { reasonsPage } from '../../scripts/docs/reasons-page.mjs';
import { page } from './pages.js';

describe('docs/reasons.md', () => {
  it('is what domain/failures.ts says; else: npm run build && node scripts/docs/write-reasons.mjs', () => {
    expect(page('docs/reasons.md').text).toBe(reasonsPage(reasons));
  });

  it('keeps a title with a bar in its own cell', () => {
    const made = reasonsPage({ odd: { title: 'this | that', remedy: 'look', retryable: false } });
    expect(made).toContain('| this \\| that | look | no |');
  });
});
