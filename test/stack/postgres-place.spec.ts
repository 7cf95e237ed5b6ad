import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { placePostgres } from '../../stack/postgres-place.js';

describe('where Postgres keeps its data', () => {
  let folder: string;
  let home: string;
  let binaries: string;
  const places: string[] = [];
  const place = (): string => {
    const { data } = placePostgres(binaries, home);
    if (!data.startsWith(folder)) places.push(dirname(data));
    return data;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-place-'));
    home = join(folder, 'home');
    binaries = join(folder, 'postgres');
    mkdirSync(join(binaries, 'bin'), { recursive: true });
    writeFileSync(join(binaries, 'bin', 'postgres'), '', { mode: 0o755 });
    mkdirSync(home);
    chmodSync(folder, 0o711);
  });
  afterEach(() => {
    for (const one of [folder, ...places.splice(0)]) rmSync(one, { recursive: true, force: true });
  });

  it('is its home, where Postgres can enter it', () => {
    expect(place()).toBe(join(home, 'postgres'));
  });

  // For anybody else it is always the home: Postgres runs as whoever started it.
  if (process.getuid?.() === 0) {
    it('is outside of a home that Postgres can’t enter, and stays the same', () => {
      chmodSync(home, 0o700);
      const first = place();
      expect(first).not.toContain(home);
      chmodSync(home, 0o755);
      expect(place()).toBe(first);
    });

    it('is another one for a home that was deleted and made anew at the same path', () => {
      chmodSync(home, 0o700);
      const first = place();
      rmSync(home, { recursive: true });
      mkdirSync(home, { mode: 0o700 });
      expect(place()).not.toBe(first);
    });

    it('is not a second, empty place when the note of the first is lost', () => {
      chmodSync(home, 0o700);
      place();
      mkdirSync(join(home, 'keys'));
      writeFileSync(join(home, 'keys', 'postgres.json'), '{}');
      rmSync(join(home, 'postgres-folder.json'));
      expect(place).toThrow(/nobody knows where the register of .* lies/);
    });
  }
});
