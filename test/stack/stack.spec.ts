import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { type StackAddresses, readAddresses } from '../../stack/addresses.js';
import { anyPorts } from '../../stack/options.js';
import { checkout, readSetUp } from '../../stack/places.js';
import { type ProcessMark, isAlive, pause } from '../../stack/processes.js';
import { type Stack, startStack } from '../../stack/stack.js';
import { temporaryHome } from './home.js';

const home = temporaryHome();
const reported: string[] = [];
const services = {
  ...anyPorts(),
  home: home.path,
  processes: [],
  report: (line: string) => reported.push(line),
};

async function query<Row extends object>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

describe('the services of a stack', () => {
  let stack: Stack;
  let addresses: StackAddresses;
  beforeAll(async () => {
    stack = await startStack(services);
    addresses = stack.addresses;
  }, 60_000);
  afterAll(async () => {
    await stack.stop();
    home.remove();
  });

  it('listen on loopback only, every one of them', () => {
    const listening = execFileSync('ss', ['-Hltnp'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) =>
        ['postgres', 'temporal', 'issuer'].some((name) => line.includes(`pid=${stack.child(name).pid},`)),
      )
      .map((line) => line.split(/\s+/)[3]);
    expect(listening.length).toBeGreaterThanOrEqual(4);
    for (const address of listening) expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('know the search attributes before anyone starts a change with them, and keep histories 30 days', async () => {
    const { address, namespace } = addresses.temporal;
    const connection = await Connection.connect({ address });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    expect(Object.keys(customAttributes ?? {})).toEqual(
      expect.arrayContaining(['SlipwayState', 'SlipwaySite', 'SlipwayHost', 'SlipwayNeedsHuman']),
    );
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 24 * 3600);
    await connection.close();
  });

  it('give the app a role that owns nothing: it could else rewrite the audit', async () => {
    const [role] = await query<{ rolsuper: boolean; rolcreaterole: boolean; owner: string }>(
      addresses.database.appUrl,
      `select rolsuper, rolcreaterole, (select datdba::regrole::text from pg_database where datname = current_database()) as owner
       from pg_roles where rolname = current_user`,
    );
    expect(role).toEqual({ rolsuper: false, rolcreaterole: false, owner: 'slipway_migrator' });
    await expect(query(addresses.database.appUrl, 'create table intruder ()')).rejects.toThrow(
      /permission denied/,
    );
  });

  it('show Temporal’s own web UI', async () => {
    const response = await fetch(addresses.temporal.uiUrl ?? '');
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('<html');
  });

  it('keep their addresses, which hold passwords, to their owner', () => {
    expect(readAddresses(home.path)).toEqual(addresses);
    expect(statSync(join(home.path, 'stack.json')).mode & 0o777).toBe(0o600);
  });

  it('refuse a second stack in the same home, and leave the first alone', async () => {
    await expect(startStack(services)).rejects.toThrow(`running here already (process ${process.pid}`);
    expect(await query(addresses.database.appUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(readAddresses(home.path)).toEqual(addresses);
  });

  it('lose nothing when Temporal is killed and all are stopped and started again', async () => {
    const { address } = addresses.temporal;
    const connection = await Connection.connect({ address });
    const client = new Client({ connection });
    await client.workflow.start('someChange', { workflowId: 'kept', taskQueue: 'nobody', args: [] });
    await connection.close();
    await query(addresses.database.migratorUrl, 'create table kept (id int); insert into kept values (7)');

    const killed = stack.child('temporal').pid;
    stack.child('temporal').kill('SIGKILL');
    stack.child('postgres').kill('SIGKILL');
    await until(
      () => reported.filter((line) => /(temporal|postgres) is ready again/.test(line)).length === 2,
    );
    expect(stack.child('temporal').pid).not.toBe(killed);
    await stack.stop();
    stack = await startStack(services);
    addresses = stack.addresses;

    const again = await Connection.connect({ address: addresses.temporal.address });
    const { status } = await new Client({ connection: again }).workflow.getHandle('kept').describe();
    expect(status.name).toBe('RUNNING');
    await again.close();
    expect(await query(addresses.database.migratorUrl, 'select id from kept')).toEqual([{ id: 7 }]);
  }, 60_000);

  it('stop within 15 seconds and leave neither process nor address behind', async () => {
    const marks = ['postgres', 'temporal', 'issuer'].map((name) => stack.child(name).mark as ProcessMark);
    const begun = performance.now();
    await stack.stop();
    expect(performance.now() - begun).toBeLessThan(15_000);
    expect(marks.filter(isAlive)).toEqual([]);
    expect(existsSync(join(home.path, 'stack.json'))).toBe(false);
    expect(existsSync(join(home.path, 'stack.lock'))).toBe(false);
  });
});

describe('a stack that cannot start', () => {
  const broken = temporaryHome();
  afterAll(() => broken.remove());

  it('names a register of one’s own that does not answer, and stops what it had started', async () => {
    const starting = startStack({
      ...services,
      home: broken.path,
      databaseUrl: 'postgres://app:hush@127.0.0.1:1/slipway',
    });
    await expect(starting).rejects.toThrow(/^(?![^]*hush)the Postgres of DATABASE_URL does not answer/);
    const marks = JSON.parse(readFileSync(join(broken.path, 'children.json'), 'utf8')) as Record<
      string,
      ProcessMark
    >;
    expect(Object.keys(marks)).toContain('temporal');
    expect(Object.values(marks).filter(isAlive)).toEqual([]);
    expect(existsSync(join(broken.path, 'stack.lock'))).toBe(false);
  });
});

describe('a supervisor that is killed', () => {
  const orphaned = temporaryHome();
  let supervisor: ChildProcess;
  afterAll(() => {
    supervisor.kill('SIGKILL');
    orphaned.remove();
  });

  it('leaves no server behind that holds the ports and the database of the next one', async () => {
    const start = `const { startStack } = await import(${JSON.stringify(join(checkout, 'dist/stack/stack.js'))});
      await startStack(${JSON.stringify({ ...anyPorts(), home: orphaned.path, processes: [] })}); console.log('ready');`;
    supervisor = spawn(readSetUp().node, ['--input-type=module', '--eval', start], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (supervisor.stdout === null) throw new Error('no output');
    await once(supervisor.stdout, 'data');
    const marks = JSON.parse(readFileSync(join(orphaned.path, 'children.json'), 'utf8')) as Record<
      string,
      ProcessMark
    >;
    expect(Object.values(marks).filter(isAlive)).toHaveLength(Object.keys(marks).length);
    supervisor.kill('SIGKILL');
    await once(supervisor, 'exit');

    const next = await startStack({ ...services, home: orphaned.path });
    await next.stop();
    await until(() => Object.values(marks).every((mark) => !isAlive(mark)));
  }, 60_000);
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(20);
}
