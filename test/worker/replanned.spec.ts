import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChangeOfApi } from '../../lab/demo/people.js';
import { tokenOf } from '../../stack/token.js';
import { openRig, type Rig } from '../battery/rig.js';

const quiet = { step: () => undefined };

/** The whole way of a change whose host was changed by hand between the reviews and its turn. */
describe('a plan that is not the reviewed one any more when its turn comes', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig();
  }, 90_000);
  afterAll(() => rig?.close());

  it('goes back to its reviewers in a new round, which sees the new plan and is carried out by it', async () => {
    await site('hold');
    const first = await rig.begin({
      action: 'attach',
      vm: 'archive',
      devices: [{ address: '0000:01:00.0' }],
    });
    await followed(first, ({ state }) => state === 'scheduled');
    await rig.simulator('/hosts/sim-01/operator', { do: 'simctl', argv: ['start', '--vm', 'archive'] });
    await site('release');

    const again = await followed(first, (change) => change.planHash !== first.planHash);
    const waiting = await followed(again, ({ state }) => state === 'awaiting-review');
    expect(waiting.failures).toMatchObject([{ reason: 'plan-changed', expected: `plan ${first.planHash}` }]);
    const approver = await rig.as('approver-1');
    expect((await approver.plan(waiting.id)).planHash).toBe(waiting.planHash);
    await expect(approver.review(waiting.id, first.planHash!)).rejects.toThrow(/409|422/);

    for (const person of ['approver-1', 'approver-2'])
      await (await rig.as(person)).review(waiting.id, waiting.planHash!);
    const ended = await followed(waiting, ({ state }) => state === 'closed');
    expect(ended.ending).toBe('succeeded');
  }, 60_000);

  async function followed(
    { id }: ChangeOfApi,
    until: (change: ChangeOfApi) => boolean,
  ): Promise<ChangeOfApi> {
    return (await rig.as('requester')).follow(id, until, quiet);
  }

  async function site(verb: 'hold' | 'release'): Promise<void> {
    const response = await fetch(`${rig.addresses.apiUrl}/v1/sites/demo:${verb}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await tokenOf('operator', rig.addresses)}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(verb === 'hold' ? { reason: 'the host is worked on' } : {}),
    });
    expect(response.ok).toBe(true);
  }
});
