import { createPostgresBackend, Queue, runMigrations, withBackend, Worker } from 'bullmq';
import pg from 'pg';
import { jobOptions, type QueueName } from './contract.js';

const schema = 'bullmq';
const concurrency = 4;

/** Brings BullMQ's own tables up to date and lets the application's role use them. Run by the migrator, once. */
export async function migrateQueues(migratorUrl: string, appRole = 'slipway_app'): Promise<void> {
  const client = new pg.Client({ connectionString: migratorUrl });
  await client.connect();
  try {
    await runMigrations(client, schema);
    const role = client.escapeIdentifier(appRole);
    await client.query(`grant usage, create on schema ${schema} to ${role}`);
    // BullMQ makes sequences as it goes: those belong to the application already, and can't be granted by us.
    const ours = `relnamespace = '${schema}'::regnamespace and relowner = current_user::regrole`;
    const { rows } = await client.query<{ name: string; kind: string }>(
      `select oid::regclass::text as name, case relkind when 'S' then 'sequence' else 'table' end as kind
       from pg_class where ${ours} and relkind in ('r', 'p', 'S')`,
    );
    for (const { kind, name } of rows) await client.query(`grant all on ${kind} ${name} to ${role}`);
  } finally {
    await client.end();
  }
}

/** A queue of sweeps with its one processor in this process. */
export interface SweepQueue<Data> {
  /** Runs again and again; telling it twice changes nothing. */
  every(id: string, milliseconds: number, data: Data): Promise<void>;
  /** Runs once, soon; asked for again before it has begun it still runs once. */
  soon(id: string, data: Data): Promise<void>;
  close(): Promise<void>;
}

/** On the register's Postgres, or on Redis where there is one. Errors of the connection go to `warn`, jobs fail alone. */
export function openSweep<Data extends object>(
  env: { databaseUrl: string; redisUrl: string | undefined },
  name: QueueName,
  work: (data: Data) => Promise<void>,
  warn: (message: string) => void,
): SweepQueue<Data> {
  const postgres = withBackend(createPostgresBackend);
  const connection = { connectionString: env.databaseUrl, schema };
  const redis = { url: env.redisUrl, maxRetriesPerRequest: null };
  const run = (job: { data: unknown }): Promise<void> => work(job.data as Data);
  const queue = env.redisUrl
    ? new Queue(name, { connection: redis })
    : (new postgres.Queue(name, { connection }) as unknown as Queue);
  const worker = env.redisUrl
    ? new Worker(name, run, { connection: redis, concurrency })
    : (new postgres.Worker(name, run, { connection, concurrency }) as unknown as Worker);
  queue.on('error', (error) => warn(`${name}: ${error.message}`));
  worker.on('error', (error) => warn(`${name}: ${error.message}`));
  worker.on('failed', (job, error) => warn(`${name} ${JSON.stringify(job?.data)}: ${error.message}`));
  return {
    async every(id, milliseconds, data) {
      await queue.upsertJobScheduler(id, { every: milliseconds }, { data, opts: jobOptions });
    },
    async soon(id, data) {
      await queue.add(id, data, { ...jobOptions, deduplication: { id } });
    },
    async close() {
      await worker.close();
      await queue.close();
    },
  };
}
