import { describe, expect, it } from '@jest/globals';
import { ChangeState, Ending, transitions } from '../../domain/change.js';
import { Resolution } from '../../workflows/contract.js';
import { fenced, page } from './pages.js';

const lifecycle = page('docs/lifecycle.md');

/** The arrows of the state diagram between states of ours, as `from --> to`. Mermaid's names can't hold a dash. */
function drawnArrows(diagram: string): string[] {
  const named = (name: string): string => name.replaceAll('_', '-');
  return [...diagram.matchAll(/^\s*(\S+)\s*-->\s*([^\s:]+)/gm)]
    .map(([, from = '', to = '']) => [named(from), named(to)])
    .filter((arrow) => !arrow.includes('[*]'))
    .map(([from, to]) => `${from} --> ${to}`);
}

const allowedArrows = Object.entries(transitions).flatMap(([from, list]) =>
  list.map((to) => `${from} --> ${to}`),
);

describe('the state diagram in docs/lifecycle.md', () => {
  const diagram = fenced(lifecycle, 'mermaid') ?? '';
  const drawn = drawnArrows(diagram);

  it('draws every move the domain allows, and none it forbids', () => {
    expect(drawn.toSorted()).toEqual(allowedArrows.toSorted());
  });

  it('draws no move twice', () => {
    expect(drawn).toEqual([...new Set(drawn)]);
  });

  it('begins where a change begins and ends where it ends', () => {
    expect(diagram).toMatch(/\[\*\] --> inspecting/);
    expect(diagram).toMatch(/closed --> \[\*\]/);
  });
});

describe('docs/lifecycle.md', () => {
  it.each([
    ['state', Object.values(ChangeState)],
    ['ending', Object.values(Ending)],
    ['resolution', Object.values(Resolution)],
  ])('has a row for every %s', (_, words) => {
    const rows = new Set([...lifecycle.text.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, word]) => word));
    expect(words.filter((word) => !rows.has(word))).toEqual([]);
  });
});
