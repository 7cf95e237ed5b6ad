import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Configuration } from 'oidc-provider';
import { startIssuer } from './issuer.js';
import { readPeople } from './people.js';
import { readJsonFile } from './places.js';
import { StackError } from './failure.js';

interface Options {
  issuer: string;
  host: string;
  port: string;
  keys: string;
  secret: string;
  people: string;
}

const options = new Command('issuer')
  .description(
    'The local OIDC issuer, for one machine only: whoever reads its secret file may be any of its people',
  )
  .requiredOption('--issuer <url>', 'the URL that tokens name as their issuer')
  .option('--host <address>', 'the address to listen on', '127.0.0.1')
  .requiredOption('--port <port>', 'the port to listen on')
  .requiredOption('--keys <file>', 'its signing keys, a JWK set')
  .requiredOption('--secret <file>', 'the secret that a caller must know to get a token')
  .requiredOption('--people <file>', 'the people it knows')
  .parse()
  .opts<Options>();

try {
  const jwks = readJsonFile(options.keys) as NonNullable<Configuration['jwks']> | undefined;
  if (jwks === undefined)
    throw new StackError(`${options.keys} is no JWK set`, ['remove it to have a new one made']);
  const server = await startIssuer({
    issuer: options.issuer,
    host: options.host,
    port: Number(options.port),
    jwks,
    secret: readFileSync(options.secret, 'utf8').trim(),
    people: readPeople(options.people),
  });
  process.once('SIGTERM', () => {
    server.close();
    server.closeAllConnections();
  });
} catch (error) {
  process.stderr.write(`issuer: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
