import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { places } from './places.mjs';
import { SetupError } from './progress.mjs';

const major = 24;

/** The Node that runs the product: the one from the lockfile, whatever the machine has; else a fitting one of the machine. */
export function findNode() {
  const packaged = [
    `node-${process.platform}-${process.arch}`,
    `node-bin-${process.platform}-${process.arch}`,
  ].map((name) => join(places.modules, name, 'bin', 'node'));
  for (const node of [...packaged, process.execPath, 'node']) {
    if (packaged.includes(node) && !existsSync(node)) continue;
    if (isFit(node)) return node;
  }
  throw new SetupError(
    `Node ${major} is missing: no package brings it for ${process.platform}-${process.arch}.`,
    [
      `install without --omit=optional, so that npm ci brings node-${process.platform}-${process.arch}, or`,
      `put a Node ${major} (or newer) on the PATH`,
    ],
  );
}

function isFit(node) {
  const version =
    node === process.execPath ? process.version : spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout;
  return Number(/^v(\d+)\./.exec(version ?? '')?.[1] ?? 0) >= major;
}
