import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Manifest {
  version: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
}

/** Every installed copy of a package, by the folder that holds it. */
function copiesOf(name: string, below = join(root, 'node_modules')): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(below, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === '.bin') continue;
    const path = join(below, entry.name);
    if (entry.name.startsWith('@')) found.push(...copiesOf(name, path));
    else {
      if (entry.name === name && existsSync(join(path, 'package.json'))) found.push(path);
      const nested = join(path, 'node_modules');
      if (existsSync(nested)) found.push(...copiesOf(name, nested));
    }
  }
  return found;
}

describe('the installed packages', () => {
  it('hold exactly one protobufjs 8, else the replay of a stored history fails with "type must be a Type"', () => {
    const eights = copiesOf('protobufjs').filter((path) =>
      manifest(join(path, 'package.json')).version.startsWith('8.'),
    );
    expect(eights).toEqual([join(root, 'node_modules', 'protobufjs')]);
  });

  it('are all pinned to one exact version, else two machines build two products', () => {
    const own = manifest(join(root, 'package.json'));
    const ranges = Object.entries({
      ...own.dependencies,
      ...own.devDependencies,
      ...own.optionalDependencies,
    }).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
    expect(ranges).toEqual([]);
  });

  it('name no registry in the lockfile, else an install behind a mirror fails', () => {
    expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toMatch(/"resolved":/);
  });

  it('run these tests on Node 24, whatever the machine has', () => {
    expect(process.versions.node).toMatch(/^24\./);
  });
});
