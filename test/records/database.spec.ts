import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { claim } from '../../records/claims.js';
import { createChange, getChange } from '../../records/changes.js';
import { inRegister, openRegister } from '../../records/database.js';
import { migrate } from '../../records/migrate.js';
import { recordProgress } from '../../records/progress.js';
import { isUnreachable } from '../../records/outage.js';
import { emptyDatabase, freshRegister, type TestRegister } from '../support/postgres.js';
import { newChange, progress, storeChanges } from './samples.js';

const down = { failure: { reason: 'register-down' } };

describe('a register that is down', () => {
  it('is called register-down by reads, single writes and transactions alike, without its password', async () => {
    const port = await closedPort();
    const register = openRegister(`postgres://slipway:s3cret-canary@127.0.0.1:${port}/slipway`);
    await expect(getChange(register.db, 'any')).rejects.toMatchObject(down);
    await expect(createChange(register.db, newChange('any'))).rejects.toMatchObject(down);
    await expect(claim(register.db, { changeId: 'any', keys: ['a'] })).rejects.toMatchObject(down);
    const error: unknown = await recordProgress(register.db, progress('any', 1)).catch(
      (thrown: unknown) => thrown,
    );
    expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toContain('s3cret-canary');
    await register.close();
  });

  it('is called register-down when it takes the connection and never answers', async () => {
    const mute = await muteServer();
    const { port } = mute.address() as AddressInfo;
    const register = openRegister(`postgres://slipway@127.0.0.1:${port}/slipway`, { patienceMs: 300 });
    await expect(getChange(register.db, 'any')).rejects.toMatchObject(down);
    await register.close();
    mute.close();
  });

  it('is called register-down when the connection breaks within a transaction, and serves again afterwards', async () => {
    const register = await freshRegister();
    await storeChanges(register.db, 'broken-1');
    const cut = inRegister(register.db, async (trx) => {
      await recordProgress(trx, progress('broken-1', 1));
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
      await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(register.owner.db);
      await getChange(trx, 'broken-1');
    });
    await expect(cut).rejects.toMatchObject(down);
    expect(await getChange(register.db, 'broken-1')).toMatchObject({ sequence: 0 });
    await recordProgress(register.db, progress('broken-1', 1));
    expect(await getChange(register.db, 'broken-1')).toMatchObject({ sequence: 1 });
    await register.close();
  });

  it('is called register-down when a lock or a statement takes too long', async () => {
    const register = await freshRegister({ patienceMs: 300 });
    await storeChanges(register.db, 'slow-1');
    await inRegister(register.owner.db, async (trx) => {
      await sql`select from changes where id = 'slow-1' for update`.execute(trx);
      await expect(recordProgress(register.db, progress('slow-1', 1))).rejects.toMatchObject(down);
    });
    await register.close();
  });

  it('is not what a wrong statement is called', async () => {
    const register = await freshRegister();
    const wrong = inRegister(register.db, (trx) => sql`select * from nowhere`.execute(trx));
    await expect(wrong).rejects.toMatchObject({ code: '42P01' });
    expect(isUnreachable(Object.assign(new Error('unique'), { code: '23505' }))).toBe(false);
    expect(isUnreachable(Object.assign(new Error('starting up'), { code: '57P03' }))).toBe(true);
    await register.close();
  });
});

describe('migrations', () => {
  let register: TestRegister;
  beforeAll(async () => {
    register = await freshRegister();
  });
  afterAll(() => register.close());

  it('are applied once although several processes start at the same time', async () => {
    const database = await emptyDatabase();
    const applied = await Promise.all(Array.from({ length: 3 }, () => migrate(database.url)));
    expect(applied.flat().sort()).toEqual([...new Set(applied.flat())].sort());
    expect(applied.flat()).toContain('0001-changes');
    expect(await migrate(database.url)).toEqual([]);
    await database.drop();
  });

  it('take an own name for the app’s role', async () => {
    const database = await emptyDatabase();
    const role = `other "role" ${Date.now()}`;
    await migrate(database.url, { appRole: role });
    const owner = openRegister(database.url);
    const { rows } = await sql<{ may: boolean; rewrite: boolean }>`
      select has_table_privilege(${role}, 'audit_events', 'insert') as may,
        has_table_privilege(${role}, 'audit_events', 'update') as rewrite`.execute(owner.db);
    expect(rows).toEqual([{ may: true, rewrite: false }]);
    await sql`drop owned by ${sql.id(role)}`.execute(owner.db);
    await sql`drop role ${sql.id(role)}`.execute(owner.db);
    await owner.close();
    await database.drop();
  });

  it('do not let the app’s role change the schema', async () => {
    await expect(sql`drop trigger only_grows on audit_events`.execute(register.db)).rejects.toThrow(
      /must be owner/,
    );
    await expect(sql`create table mine (id int)`.execute(register.db)).rejects.toThrow(/permission denied/);
    await expect(sql`select setval('claim_epoch', 1)`.execute(register.db)).rejects.toThrow(
      /permission denied/,
    );
  });

  it('say which one failed and why', async () => {
    const database = await emptyDatabase();
    const owner = openRegister(database.url);
    await sql`create table claims (id int)`.execute(owner.db);
    await expect(migrate(database.url)).rejects.toThrow(/0003-claims: relation "claims" already exists/);
    await owner.close();
    await database.drop();
  });
});

async function closedPort(): Promise<number> {
  const server = await muteServer();
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function muteServer(): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined));
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
