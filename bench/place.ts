import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { openRegister } from '../records/database.js';
import { checkout } from '../stack/places.js';
import type { Arm, ArmName } from './arm.js';
import { bareArm } from './bare-arm.js';
import { startBareWorker } from './bare/worker.js';
import { Simulator } from './ledger.js';
import { type Opened, openOwnStack } from './own-stack.js';
import { productArm } from './product-arm.js';

const host = 'bench-01';
const site = 'bench';
const stackProcesses = ['postgres', 'temporal', 'simulator', 'issuer', 'api', 'worker'];

/** A fresh stack on the bench's world, the bare workflows' worker beside the product's, and the arms on both. */
export interface Place {
  arms: Record<ArmName, Arm>;
  simulator: Simulator;
  /** What the processes of the stack are called, by pid. */
  processes: ReadonlyMap<number, string>;
}

export async function openPlace(opened: Opened, report: (line: string) => void): Promise<Place> {
  const [estate, world] = ['estate.yaml', 'world.yaml'].map((name) => join(checkout, 'bench', name));
  const stack = await openOwnStack('stack', { estate: estate!, world: world!, report });
  opened.add(() => stack.stop());
  const { addresses } = stack;
  const log = join(addresses.home, 'logs', 'bare-worker.log');
  const worker = await startBareWorker(stack.child('worker').pid!, log);
  opened.add(() => worker.stop());
  report('the bare workflows’ worker is ready');
  const register = openRegister(addresses.database.appUrl, { applicationName: 'slipway-bench' });
  opened.add(() => register.close());
  const connection = await Connection.connect({ address: addresses.temporal.address });
  opened.add(() => connection.close());
  const client = new Client({ connection, namespace: addresses.temporal.namespace });
  const bare = { client, register, host, site };
  return {
    arms: { A: await productArm(addresses, host), B0: bareArm('B0', bare), B1: bareArm('B1', bare) },
    simulator: new Simulator(addresses.simulatorUrl!),
    processes: new Map([
      ...stackProcesses.map((name) => [stack.child(name).pid!, name] as const),
      [worker.pid, 'bare worker'],
    ]),
  };
}
