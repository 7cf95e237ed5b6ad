#!/usr/bin/env node
// Everything a bare machine needs to run the product: packages, Node 24, Temporal's CLI, Postgres' libraries, the build.
// Runs on any Node >= 20 with nothing installed; does nothing, fast, when nothing is to do.
import { pathToFileURL } from 'node:url';
import { build } from './setup/build.mjs';
import { alone } from './setup/lock.mjs';
import { findNode } from './setup/node.mjs';
import { installPackages, linkPostgresLibraries } from './setup/packages.mjs';
import { places, readJson, writeJson } from './setup/places.mjs';
import { SetupError, say } from './setup/progress.mjs';
import { findTemporalCli } from './setup/temporal.mjs';

/** @returns {Promise<{node: string, temporalCli: string, postgres: string | undefined}>} */
export function setUp() {
  return alone(setUpAlone);
}

async function setUpAlone() {
  const [oldest] = process.versions.node.split('.').map(Number);
  if (oldest < 20)
    throw new SetupError(`Node ${process.version} is too old to set up.`, ['use Node 20 or newer']);

  if (process.platform === 'win32') {
    throw new SetupError('Windows itself cannot run slipway.', [
      'use WSL',
      'or the containers of docker-compose.yml',
    ]);
  }

  const fresh = installPackages();
  const node = findNode();
  const postgres = linkPostgresLibraries();
  const known = readJson(places.setup);
  const temporal = await findTemporalCli();
  const made = { node, temporalCli: temporal.path, postgres: postgres ?? null };
  if (JSON.stringify(known) !== JSON.stringify(made)) {
    say(`Node ${node}`);
    say(`Temporal CLI ${temporal.path} (${temporal.from})`);
    say(`Postgres ${postgres ?? 'none for this machine: set DATABASE_URL to one of your own'}`);
    writeJson(places.setup, made);
  }
  const built = build(node);
  if (fresh || built) say('ready');
  return { node, temporalCli: temporal.path, postgres };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    await setUp();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`setup failed: ${error.message}\n`);
    process.exit(1);
  }
}
