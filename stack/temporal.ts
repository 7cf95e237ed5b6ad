import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { ChildPlan } from './child.js';
import { StackError } from './failure.js';
import { pause } from './processes.js';
import { loopback } from './ports.js';

const { temporal } = proto;

/** What Temporal's own UI can filter changes by. Opaque ids and words of ours only: they are never encrypted. */
const searchAttributes = {
  SlipwayState: 'Keyword',
  SlipwaySite: 'Keyword',
  SlipwayHost: 'Keyword',
  SlipwayNeedsHuman: 'Bool',
} as const;

const indexedValueType = {
  Keyword: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  Bool: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
} as const;

const retentionDays = 30;

/** Temporal's development server on a file: what a SIGKILL leaves in it is whole. */
export function temporalServer(options: {
  cli: string;
  home: string;
  port: number;
  uiPort: number;
}): ChildPlan {
  const address = `${loopback}:${options.port}`;
  const answers = (): Promise<boolean> => hasNamespace(address, 'default');
  return {
    name: 'temporal',
    file: options.cli,
    args: [
      ...['server', 'start-dev', '--disable-config-file', '--disable-config-env', '--log-level', 'warn'],
      ...['--ip', loopback, '--port', String(options.port)],
      ...['--ui-ip', loopback, '--ui-port', String(options.uiPort), '--ui-disable-news-fetch'],
      ...['--db-filename', join(options.home, 'temporal', 'temporal.db')],
      // Else every step of a workflow waits for a 50 ms grid.
      ...['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=1000'],
      ...Object.entries(searchAttributes).flatMap(([name, type]) => [
        '--search-attribute',
        `${name}=${type}`,
      ]),
    ],
    env: { PATH: '/usr/bin:/bin', HOME: join(options.home, 'temporal') },
    cwd: options.home,
    log: join(options.home, 'logs', 'temporal.log'),
    isReady: answers,
    isWell: answers,
    readyWithinMs: 60_000,
    stopSignal: 'SIGTERM',
    stopWithinMs: 3_000,
  };
}

/**
 * Makes sure that the namespace knows our search attributes before anyone starts a workflow with them, and waits
 * until the server lists them.
 */
export async function prepareNamespace(
  address: string,
  namespace: string,
  options: { setRetention: boolean },
): Promise<void> {
  await withConnection(address, async (connection) => {
    const missing = await missingAttributes(connection, namespace);
    if (missing.length > 0) {
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(
          missing.map((name) => [name, indexedValueType[searchAttributes[name]]]),
        ),
      });
    }
    if (options.setRetention) {
      const config = temporal.api.namespace.v1.NamespaceConfig.fromObject({
        workflowExecutionRetentionTtl: { seconds: retentionDays * 24 * 3600 },
      });
      await connection.workflowService.updateNamespace({ namespace, config });
    }
    const deadline = Date.now() + 30_000;
    while ((await missingAttributes(connection, namespace)).length > 0) {
      if (Date.now() > deadline) {
        throw new StackError(`Temporal at ${address} does not list our search attributes after 30 s`, [
          `look at: temporal operator search-attribute list --address ${address} --namespace ${namespace}`,
        ]);
      }
      await pause(50);
    }
  });
}

async function missingAttributes(
  connection: Connection,
  namespace: string,
): Promise<(keyof typeof searchAttributes)[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const known = Object.keys(customAttributes ?? {});
  return (Object.keys(searchAttributes) as (keyof typeof searchAttributes)[]).filter(
    (name) => !known.includes(name),
  );
}

/** Whether the server answers and knows the namespace. */
export async function hasNamespace(address: string, namespace: string): Promise<boolean> {
  try {
    await withConnection(address, (connection) =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return true;
  } catch {
    return false;
  }
}

async function withConnection<Result>(
  address: string,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await Connection.connect({ address, connectTimeout: 2_000 });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}
