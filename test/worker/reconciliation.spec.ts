import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { changeWorkflowId } from '../../workflows/contract.js';
import { openRig, type Rig } from '../battery/rig.js';
import { eventually } from '../support/eventually.js';

const attach = { action: 'attach', devices: [{ address: '0000:01:00.0' }] };
const other = { action: 'attach', vm: 'backup-store', devices: [{ address: '0000:02:00.0' }] };

/** What a worker compares before it begins: register, live workflows, guards. */
describe('when the stores disagree', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig();
  }, 90_000);
  afterAll(() => rig?.close());

  it('a register that was set back gives out epochs above what the guards have seen', async () => {
    expect((await rig.change(attach)).ending).toBe('succeeded');
    const newest = await newestEpoch();
    await rig.migrator("select setval('claim_epoch', 1)");
    await restartWorker();
    await eventually(async () => expect(await newestEpoch()).toBeGreaterThanOrEqual(newest - 1));
    const returned = await rig.change({ ...attach, action: 'return' });
    expect(returned.ending).toBe('succeeded');
    expect(await newestEpoch()).toBeGreaterThan(newest);
  }, 60_000);

  it('a claim whose workflow was terminated is not freed: its devices are in quarantine', async () => {
    const id = await hangingAtAttach(other);
    await terminate(id);
    await restartWorker();
    await eventually(async () => {
      const rows = await rig.register<{ why: string }>('select why from quarantines where change_id = $1', [
        id,
      ]);
      expect(rows[0]?.why).toMatch(/its workflow is terminated/);
    });
    expect(await rig.register('select key from claims where change_id = $1', [id])).not.toEqual([]);
  }, 60_000);

  it('a register that has lost an open change: nobody new may begin, the change gets its own back and is undone', async () => {
    const id = await hangingAtAttach(attach);
    await forgetInRegister(id);
    await restartWorker();
    await eventually(async () => {
      const rows = await rig.register<{ reason: string }>('select reason from site_holds');
      expect(rows[0]?.reason).toMatch(/the register was behind/);
    });

    const requester = await rig.as('requester');
    await eventually(async () =>
      expect(await rig.register('select id from changes where id = $1', [id])).not.toEqual([]),
    );
    const undone = await requester.follow(id, ({ state }) => state === 'closed', { step: () => undefined });
    expect(undone).toMatchObject({ ending: 'undone', request: { action: 'attach' } });
    expect(await rig.register('select key from claims where change_id = $1', [id])).toEqual([]);
  }, 120_000);

  async function hangingAtAttach(request: typeof attach): Promise<string> {
    const address = request.devices[0]!.address;
    await rig.simulator('/faults', { kind: 'hang', verb: 'attach', address, count: 9 });
    const { id } = await rig.begin(request);
    await eventually(async () => {
      const steps = await (await rig.as('requester')).steps(id);
      expect(steps.map(({ name }) => name)).toContain(`attach ${address}`);
    });
    return id;
  }

  /** As a backup from before the change would have it. The owner of the schema may lift the triggers; the app may not. */
  async function forgetInRegister(id: string): Promise<void> {
    const onlyGrow = ['audit_events', 'review_outcomes', 'reviews', 'plans'];
    const others = ['audit_heads', 'evidence', 'step_attempts', 'host_shares', 'claims'];
    const trigger = (how: string): string[] =>
      onlyGrow.map((table) => `alter table ${table} ${how} trigger only_grows`);
    await rig.migrator(
      [
        ...trigger('disable'),
        ...[...onlyGrow, ...others].map((table) => `delete from ${table} where change_id = '${id}'`),
        `delete from changes where id = '${id}'`,
        ...trigger('enable'),
        "select setval('claim_epoch', 1)",
      ].join('; '),
    );
  }

  async function newestEpoch(): Promise<number> {
    const rows = await rig.register<{ epoch: string }>('select last_value as epoch from claim_epoch');
    return Number(rows[0]!.epoch);
  }

  async function restartWorker(): Promise<void> {
    const before = rig.stack.child('worker').pid;
    rig.stack.child('worker').kill('SIGKILL');
    await eventually(async () => {
      expect(rig.stack.child('worker').pid).not.toBe(before);
      expect((await fetch(`${rig.addresses.workerHealthUrl}/readyz`)).status).toBe(200);
    });
  }

  async function terminate(id: string): Promise<void> {
    const connection = await Connection.connect({ address: rig.addresses.temporal.address });
    await new Client({ connection }).workflow.getHandle(changeWorkflowId(id)).terminate('by hand');
    await connection.close();
  }
});
