import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Page, pages, prose, root } from './pages.js';

const all = pages();
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
/** The folders a path in backticks may begin with; `postgres/` and the like are told of other places. */
const rooms = [
  ...[
    'domain',
    'workflows',
    'activities',
    'hypervisors',
    'records',
    'queues',
    'config',
    'api',
    'worker',
    'cli',
  ],
  ...['stack', 'lab', 'bench', 'test', 'scripts', 'docs', '.ci'],
];

/** Anchors as GitHub makes them of headings, and those written out. */
function anchorsOf({ text }: Page): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
  const written = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id);
  return new Set([...headings, ...written]);
}

/** Links that lead nowhere: a file that is not there, or a heading the page doesn't have. */
function brokenLinks(page: Page): string[] {
  const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page.path : normalize(join(dirname(page.path), path));
    if (target.startsWith('..') || !existsSync(join(root, target))) return true;
    const found = all.find((one) => one.path === target);
    return anchor !== undefined && !(found && anchorsOf(found).has(anchor));
  });
}

/** Words in backticks that look like a path of this repository and name nothing in it. */
function missingPaths(page: Page): string[] {
  const words = [...prose(page).matchAll(/`([\w.-]+(?:\/[\w.-]*)+)`/g)].map(([, word = '']) => word);
  return words.filter((word) => rooms.includes(word.split('/')[0] ?? '') && !existsSync(join(root, word)));
}

describe.each(all.map((page) => [page.path, page] as const))('%s', (_, page) => {
  it('has no link that leads nowhere', () => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it('names no path that is not in the tree', () => {
    expect(missingPaths(page)).toEqual([]);
  });

  it('names no npm script that package.json does not have', () => {
    const named = [...page.text.matchAll(/\bnpm run (?:-s )?([\w:-]+)/g)].map(([, script = '']) => script);
    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  it('tells nothing of the machine it was written on', () => {
    expect(page.text).not.toMatch(/(?<![\w.~-])\/(?:work|root|home|tmp)\//);
  });
});

describe('the pages', () => {
  it('can all be reached from README.md', () => {
    const reached = new Set(['README.md']);
    for (const path of reached) {
      const found = all.find((one) => one.path === path);
      for (const [, link = ''] of found ? prose(found).matchAll(/\]\(([^)#\s]+)[^)]*\)/g) : [])
        reached.add(normalize(join(dirname(path), link)));
    }
    expect(all.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });
});
