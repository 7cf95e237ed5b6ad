import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Ledger } from './machine/ledger.js';
import { Machine } from './machine/machine.js';
import { createSimulatorServer } from './machine/server.js';
import { Witness } from './machine/witness.js';
import { readWorldFile } from './machine/world-file.js';

const usage = 'usage: main.js --world FILE (--ledger FILE | --state-dir DIR) [--port N]';

/** The simulator's process: rebuilds its hosts from world file and ledger, then serves them on loopback. */
async function main(): Promise<void> {
  const { world, ledger, port } = readArguments();
  const pristine = readWorldFile(world);
  mkdirSync(dirname(ledger), { recursive: true });
  const book = await Ledger.open(ledger);
  const machine = new Machine(pristine, book);
  const server = createSimulatorServer({ machine, witness: new Witness(pristine, ledger) });
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, '127.0.0.1', resolve),
  );
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
    book.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);

  const { port: bound } = server.address() as AddressInfo;
  process.stdout.write(
    `simulator ready on http://127.0.0.1:${bound} (hosts: ${[...machine.hosts.keys()].join(', ')})\n`,
  );
}

function readArguments(): { world: string; ledger: string; port: number } {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { world: text, ledger: text, port: text, 'state-dir': text } });
  const ledger =
    values.ledger ??
    (values['state-dir'] === undefined ? undefined : join(values['state-dir'], 'ledger.jsonl'));
  const port = Number(values.port ?? '0');
  if (!values.world || !ledger) throw new Error(usage);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new Error(
      `--port: expected a number from 0 to 65535, found ${JSON.stringify(values.port)}; ${usage}`,
    );
  }
  return { world: values.world, ledger, port };
}

main().catch((error: unknown) => {
  process.stderr.write(`simulator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
