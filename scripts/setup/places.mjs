// Where things lie. Plain Node >= 20 and no packages: these scripts run before anything is installed.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const places = {
  modules: join(root, 'node_modules'),
  dist: join(root, 'dist'),
  state: join(root, '.slipway'),
  bin: join(root, '.slipway', 'bin'),
  /** What set-up found and made, read by the supervisor and the tests. */
  setup: join(root, '.slipway', 'setup.json'),
};

export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Written whole or not at all: a set-up that was interrupted leaves no half file behind. */
export function writeJson(path, value) {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(draft, path);
}
