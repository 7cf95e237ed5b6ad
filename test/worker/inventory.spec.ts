import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateQueues } from '../../queues/sweep-queue.js';
import { tokenOf } from '../../stack/token.js';
import { openRig, type Rig } from '../battery/rig.js';
import { eventually } from '../support/eventually.js';

const address = '0000:01:00.0';

describe('the inventory', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig();
  }, 90_000);
  afterAll(() => rig?.close());

  it('does not show a device as free while a VM has it, nor as held once it is home', async () => {
    expect((await rig.change({ action: 'attach', devices: [{ address }] })).ending).toBe('succeeded');
    await eventually(async () => expect(await holder()).toMatchObject({ kind: 'vm', vm: 'voip-gateway' }));
    expect((await rig.change({ action: 'return', devices: [{ address }] })).ending).toBe('succeeded');
    await eventually(async () => expect(await holder()).toMatchObject({ kind: 'host', driver: 'nvme' }));
  }, 60_000);

  it('leaves queues behind that the next start can take over', async () => {
    await expect(migrateQueues(rig.addresses.database.migratorUrl)).resolves.toBeUndefined();
  });

  async function holder(): Promise<unknown> {
    const headers = { authorization: `Bearer ${await tokenOf('requester', rig.addresses)}` };
    const response = await fetch(`${rig.addresses.apiUrl}/v1/devices?host=sim-01`, { headers });
    const { items } = (await response.json()) as { items: { address: string; holder: unknown }[] };
    return items.find((device) => device.address === address)?.holder;
  }
});
