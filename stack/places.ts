import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StackError } from './failure.js';

/** The checkout, found from here whether this file runs compiled in dist/ or from its source under a test. */
export const checkout = findCheckout(dirname(fileURLToPath(import.meta.url)));

function findCheckout(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder)
    throw new StackError('no package.json above the supervisor: this is no checkout of slipway');
  return findCheckout(parent);
}

/** What set-up found: the Node that runs the product, Temporal's CLI and Postgres' binaries. */
export interface SetUp {
  readonly node: string;
  readonly temporalCli: string;
  /** Folder with bin/, lib/ and share/; null where no package brings Postgres for this machine. */
  readonly postgres: string | null;
}

export function readSetUp(): SetUp {
  const path = join(checkout, '.slipway', 'setup.json');
  const setUp = readJsonFile(path) as SetUp | undefined;
  if (setUp === undefined) throw new StackError(`${path} is missing or broken`, ['run: npm run setup']);
  return setUp;
}

/** A compiled entry of the product; the children of the stack run compiled even under a test. */
export function compiled(path: string): string {
  const entry = join(checkout, 'dist', path);
  if (!existsSync(entry)) throw new StackError(`${entry} is missing`, ['run: npm run build']);
  return entry;
}

export function readJsonFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}

/** Writes the file whole or not at all, readable by its owner only unless said otherwise. */
export function writeWhole(path: string, content: string, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, content, { mode });
  renameSync(draft, path);
}
