import { chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Command } from 'commander';
import { makeKeys } from './keys.js';

/** Makes the keys for processes that run apart, each only where it belongs. What is there is left alone. */
const options = new Command('keys')
  .requiredOption('--api <directory>', 'gets the key that signs reviews')
  .requiredOption('--worker <directory>', "gets the api's public key and the key of audit checkpoints")
  .requiredOption('--issuer <directory>', "gets the local issuer's keys and secret")
  .requiredOption('--owner <uid>', 'the user that the processes run as')
  .parse()
  .opts<{ api: string; worker: string; issuer: string; owner: string }>();

const draft = mkdtempSync(join(tmpdir(), 'slipway-keys-'));
try {
  const keys = makeKeys(draft);
  // A pair is made whole or not at all: half of a new pair beside half of an old one would refuse every review.
  place([
    [options.api, keys.decisionPrivate],
    [options.worker, keys.decisionPublic],
  ]);
  place([
    [options.worker, keys.checkpoint],
    [options.worker, keys.checkpointPublic],
  ]);
  place([[options.issuer, keys.issuerKeys]]);
  place([[options.issuer, keys.issuerSecret]]);
} finally {
  rmSync(draft, { recursive: true });
}

function place(files: readonly (readonly [directory: string, file: string])[]): void {
  const targets = files.map(([directory, file]) => ({
    directory,
    file,
    target: join(directory, basename(file)),
  }));
  if (targets.every(({ target }) => existsSync(target))) return;
  for (const { directory, file, target } of targets) {
    mkdirSync(directory, { recursive: true });
    copyFileSync(file, target);
    chownSync(target, Number(options.owner), Number(options.owner));
    process.stdout.write(`made ${target}\n`);
  }
}
