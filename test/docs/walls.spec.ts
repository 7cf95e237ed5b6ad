import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { page } from './pages.js';

interface Rule {
  name: string;
  to: { path: string; pathNot: string };
}

const { forbidden } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as {
  forbidden: Rule[];
};
const rules = new Map(forbidden.map((rule) => [rule.name, rule]));
const walled = [...rules.keys()].flatMap((name) => /^(.*)-imports$/.exec(name)?.[1] ?? []);

/** The rows of the table of walls: folder, what it may import, what it may import as types. */
const rows = new Map(
  [...page('docs/architecture.md').text.matchAll(/^\| `(\w+)\/` \| (.*?) ?\| (.*?) ?\| .+ \|$/gm)]
    .filter(([row]) => row.split('|').length === 6)
    .map(([, folder = '', value = '', types = '']) => [
      folder,
      { value: ticked(value), types: ticked(types) },
    ]),
);

function ticked(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
}

const listed = [...rows.values()].flatMap(({ value, types }) => [...value, ...types]);
/** Files that a rule lets through alone: `domain/act[.]ts$` in its pattern. */
const alone = walled.flatMap((folder) =>
  [...rules.get(`${folder}-imports-types`)!.to.pathNot.matchAll(/([\w/-]+)\[\.\]ts\$/g)].map(
    ([, path]) => `${path}.ts`,
  ),
);
const places = [...new Set([...walled.map((folder) => `${folder}/`), ...listed, ...alone])];
const fileIn = (place: string): string => (place.endsWith('/') ? `${place}any-file.ts` : place);

function allows(rule: string, folder: string): string[] {
  const { to } = rules.get(`${folder}-${rule}`)!;
  return places
    .filter((place) => new RegExp(to.pathNot).test(fileIn(place)))
    .filter((place) => place !== `${folder}/`);
}

/** Places which the row lets through: a folder lets its files through, and a file named alone only itself. */
function tells(folder: string, told: string[]): string[] {
  return places
    .filter((place) => told.some((one) => place.startsWith(one)))
    .filter((place) => place !== `${folder}/`);
}

describe('the table of import walls in docs/architecture.md', () => {
  it('has a row for every folder that has a wall, and no other', () => {
    expect([...rows.keys()].toSorted()).toEqual(walled.toSorted());
  });

  it.each(walled)('tells for %s what lint allows as value and as type', (folder) => {
    const { value, types } = rows.get(folder)!;
    const own = (place: string): boolean => !place.startsWith(`${folder}/`);
    expect(tells(folder, value).filter(own)).toEqual(allows('imports', folder).filter(own));
    expect(tells(folder, [...value, ...types]).filter(own)).toEqual(
      allows('imports-types', folder).filter(own),
    );
  });
});
