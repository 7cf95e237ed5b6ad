import { describe, expect, it } from '@jest/globals';
import { problemsOf } from '../../scripts/lint/hygiene.mjs';

// In pieces, so that the check does not find this file.
const [work, registry, skip, mark] = ['/wo' + 'rk/main', 'registry.npm' + 'js', 'it.sk' + 'ip(', 'TO' + 'DO'];

describe('the check of what has no place here', () => {
  it.each([
    ['a path of one machine', 'docs/a.md', `see ${work}/x`],
    ['a registry', 'docs/a.md', `from https://${registry}.org`],
    ['a skipped test', 'test/a.spec.ts', `${skip}'x')`],
    ['an unfinished mark', 'domain/a.ts', `// ${mark} later`],
    ['a sleep in a test', 'test/a.spec.ts', 'await new Promise((done) => set' + 'Timeout(done, 2000))'],
    ['a mock of our own', 'test/a.spec.ts', 'jest.mo' + "ck('../domain/plan.js')"],
  ])('finds %s and says where', (_, path, text) => {
    expect(problemsOf(path, `first line\n${text}\n`)).toEqual([expect.stringContaining(`${path}:2: `)]);
  });

  it('leaves ordinary text alone', () => {
    expect(problemsOf('docs/a.md', `Work in the main hall; a ${mark} list is fine in prose.`)).toEqual([]);
    expect(problemsOf('domain/a.ts', `${skip}'only tests skip')`)).toEqual([]);
  });
});
