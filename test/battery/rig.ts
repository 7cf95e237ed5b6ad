import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { asPerson, type ApiCalls, type ChangeOfApi } from '../../lab/demo/people.js';
import type { StackAddresses } from '../../stack/addresses.js';
import { anyPorts } from '../../stack/options.js';
import { type Stack, startStack } from '../../stack/stack.js';
import { changeWorkflowId } from '../../workflows/contract.js';
import { temporaryHome } from '../stack/home.js';
import { FailpointFile } from './failpoint-file.js';

/** A whole stack on the simulated host, with hands to break it and eyes that do not go through it. */
export interface Rig {
  stack: Stack;
  addresses: StackAddresses;
  failpoints: FailpointFile;
  /** The simulator's own account: state derived from its ledger, and the effects it saw. */
  simulator<T>(path: string, body?: object): Promise<T>;
  register<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
  /** As the schema's owner: to set the register back, as a restored backup would. */
  migrator(text: string): Promise<void>;
  workflowStatus(changeId: string): Promise<string>;
  /** Requested, approved by two people and followed to its end (or to parked). */
  change(request: object): Promise<ChangeOfApi>;
  /** Requested and approved; not followed. */
  begin(request: object): Promise<ChangeOfApi>;
  as(person: string): Promise<ApiCalls>;
  close(): Promise<void>;
}

const quiet = { step: () => undefined };

export async function openRig(): Promise<Rig> {
  const home = temporaryHome();
  const failpoints = new FailpointFile(`${home.path}/failpoint`);
  const stack = await startStack({
    ...anyPorts(),
    home: home.path,
    workerEnv: { SLIPWAY_FAILPOINT: failpoints.path },
    workerRestartDelaysMs: [10],
  });
  const { addresses } = stack;
  const database = new pg.Pool({ connectionString: addresses.database.appUrl, max: 2 });
  const connection = await Connection.connect({ address: addresses.temporal.address });
  const temporal = new Client({ connection, namespace: addresses.temporal.namespace });
  const as = (person: string): Promise<ApiCalls> => asPerson(person, { addresses });

  async function begin(request: object): Promise<ChangeOfApi> {
    const requester = await as('requester');
    const { id } = await requester.create({ ...usual, ...request });
    const planned = await requester.follow(id, ({ state }) => state !== 'inspecting', quiet);
    if (planned.state !== 'awaiting-review') return planned;
    for (const person of ['approver-1', 'approver-2']) await (await as(person)).review(id, planned.planHash!);
    return planned;
  }

  return {
    stack,
    addresses,
    failpoints,
    as,
    begin,
    async change(request) {
      const { id } = await begin(request);
      const ended = ({ state }: ChangeOfApi): boolean => state === 'closed' || state === 'parked';
      return (await as('requester')).follow(id, ended, quiet);
    },
    async simulator<T>(path: string, body?: object): Promise<T> {
      const response = await fetch(`${addresses.simulatorUrl}${path}`, {
        method: body ? 'POST' : 'GET',
        ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
      });
      if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
      return (await response.json()) as T;
    },
    async register<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
      return (await database.query<Row>(text, values)).rows;
    },
    async migrator(text) {
      const owner = new pg.Client({ connectionString: addresses.database.migratorUrl });
      await owner.connect();
      await owner.query(text).finally(() => owner.end());
    },
    async workflowStatus(changeId) {
      return (await temporal.workflow.getHandle(changeWorkflowId(changeId)).describe()).status.name;
    },
    async close() {
      await database.end();
      await connection.close();
      await stack.stop();
      home.remove();
    },
  };
}

const usual = {
  host: 'sim-01',
  vm: 'voip-gateway',
  wholeUnit: true,
  powerOff: 'allowed',
  onUnhealthy: 'undo',
  class: 'normal',
  reason: 'battery',
};
