import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChangeView } from '../../api/changes/change.view.js';
import type { OrderView } from '../../api/changes/order.dto.js';
import type { EvidenceView, TimelineView } from '../../api/progress/progress.view.js';
import type { ReviewAnswerView, ReviewListView } from '../../api/reviews/review.dto.js';
import { createChange, getChange } from '../../records/changes.js';
import { openRegister } from '../../records/database.js';
import { newChangeId } from '../../api/changes/change-id.js';
import { newChange } from '../records/samples.js';
import { type LiveStack, type PersonName, startLive } from './support/live.js';

let live: LiveStack;
beforeAll(async () => {
  live = await startLive();
}, 90_000);
afterAll(() => live?.close());

const planned = ({ state }: ChangeView): boolean => state === 'awaiting-review';
const ended = ({ state }: ChangeView): boolean => state === 'closed';

async function plannedChange(device: string, parts: object = {}, by?: PersonName): Promise<ChangeView> {
  return live.until((await live.create(device, parts, by)).id, planned);
}

function review<Body = ReviewAnswerView>(
  name: PersonName,
  change: ChangeView,
  parts: object = {},
): Promise<{ status: number; body: Body }> {
  return live.as<Body>(name, 'POST', `/v1/changes/${change.id}/reviews`, {
    planHash: change.planHash,
    decision: 'approve',
    ...parts,
  });
}

async function refusal(name: PersonName, change: ChangeView, parts: object = {}): Promise<[number, string]> {
  const { status, body } = await review<{ code: string }>(name, change, parts);
  return [status, body.code];
}

async function order(
  name: PersonName,
  change: ChangeView,
  verb: string,
  parts: object = {},
): Promise<{ status: number; body: OrderView & { code?: string } }> {
  return live.as(name, 'POST', `/v1/changes/${change.id}:${verb}`, { reason: 'a test', ...parts });
}

describe('a change from request to proof', () => {
  let change: ChangeView;
  const device = '0000:01:00.0';

  it('is followed live without a gap, and a reader who lost the connection goes on where it was', async () => {
    change = await plannedChange(device);
    const ids: number[] = [];
    const names: string[] = [];
    const reading = (async () => {
      for await (const { name, data } of live.events(change.id)) {
        names.push(name);
        const { sequence } = JSON.parse(data) as { sequence?: number };
        if (sequence) ids.push(sequence);
      }
    })();
    await live.approve(change);
    await reading;
    expect(names[0]).toBe('snapshot');
    expect(names.slice(-2)).toEqual(['change', 'end']);
    expect(names).toEqual(
      expect.arrayContaining(['review.counted', 'step.intent', 'step.outcome', 'change.succeeded']),
    );
    expect(ids).toEqual(ids.map((_, index) => ids[0]! + index));

    const resumed: number[] = [];
    for await (const { name, data } of live.events(change.id, String(ids[2]))) {
      const { sequence } = JSON.parse(data) as { sequence?: number };
      if (sequence) resumed.push(sequence);
      expect(name).not.toBe('snapshot');
    }
    expect(resumed.slice(0, ids.length - 3)).toEqual(ids.slice(3));
    const last = await live.as<TimelineView>('requester', 'GET', `/v1/changes/${change.id}/timeline`);
    const all = String(last.body.events.at(-1)!.sequence);
    expect(
      (
        await live.as('requester', 'GET', `/v1/changes/${change.id}/events`, undefined, {
          'last-event-id': all,
        })
      ).status,
    ).toBe(204);
  }, 60_000);

  it('shows what was done, by which commands, and what was seen before and after', async () => {
    const timeline = await live.as<TimelineView>('auditor', 'GET', `/v1/changes/${change.id}/timeline`);
    expect(timeline.body.steps.map(({ name, outcome }) => [name, outcome])).toEqual([
      [`dismount ${device}`, 'done'],
      [`attach ${device}`, 'done'],
    ]);
    expect(timeline.body.steps[1]!.commands[0]).toMatchObject({ tool: 'simctl' });
    const evidence = await live.as<EvidenceView>('auditor', 'GET', `/v1/changes/${change.id}/evidence`);
    expect(evidence.body.equal).toBe(false);
    expect(evidence.body.differences).toContainEqual({
      subject: `device ${device}`,
      name: 'holder',
      before: 'host',
      after: 'vm voip-gateway',
    });
  });

  it('is over: nobody can review, withdraw or cancel it any more', async () => {
    expect(await refusal('approver-1', change)).toEqual([409, 'review-closed']);
    for (const verb of ['withdraw', 'cancel'])
      expect((await order('requester', change, verb)).body.code).toBe('not-now');
  });
});

describe('a review', () => {
  let change: ChangeView;
  beforeAll(async () => {
    change = await plannedChange('0000:02:00.0', {}, 'requester-and-approver');
  }, 30_000);

  it('by who asked for the change does not count', async () => {
    expect(await refusal('requester-and-approver', change)).toEqual([403, 'own-change']);
  });

  it('of another plan does not count, and that is kept', async () => {
    expect(
      await refusal('approver-1', change, { planHash: 'f'.repeat(64), decisionId: 'stale-decision' }),
    ).toEqual([409, 'stale-plan']);
    const { body } = await live.as<ReviewListView>('auditor', 'GET', `/v1/changes/${change.id}/reviews`);
    expect(body.items).toContainEqual(
      expect.objectContaining({ decisionId: 'stale-decision', outcome: 'refused', refusal: 'stale-plan' }),
    );
  });

  it('that rejects without saying why does not count', async () => {
    expect(await refusal('approver-1', change, { decision: 'reject' })).toEqual([422, 'comment-missing']);
  });

  it('says what is still missing; sent twice it counts once; another one of the same person not at all', async () => {
    const first = await review('approver-1', change, { decisionId: 'decision-0001' });
    expect(first).toMatchObject({
      status: 200,
      body: {
        status: 'counted',
        verdict: 'open',
        missing: [{ requirement: 'two-reviewers', count: 1, groups: [] }],
      },
    });
    const again = await review('approver-1', change, { decisionId: 'decision-0001' });
    expect({ status: again.status, missing: again.body.missing }).toEqual({
      status: 200,
      missing: first.body.missing,
    });
    expect(await refusal('approver-1', change, { decisionId: 'decision-0002' })).toEqual([
      409,
      'already-decided',
    ]);
  });

  it('can’t take over the decision id of somebody else', async () => {
    expect(await refusal('approver-2', change, { decisionId: 'decision-0001' })).toEqual([
      422,
      'idempotency-key-reused',
    ]);
  });

  it('that rejects ends the change, with the reason kept', async () => {
    const rejected = await review('approver-1', change, { decision: 'reject', comment: 'not this quarter' });
    expect(rejected).toMatchObject({ status: 200, body: { verdict: 'rejected' } });
    expect((await live.until(change.id, ended)).ending).toBe('rejected');
    const { body } = await live.as<ReviewListView>('auditor', 'GET', `/v1/changes/${change.id}/reviews`);
    expect(body.items.at(-1)).toMatchObject({
      decision: 'reject',
      comment: 'not this quarter',
      outcome: 'counted',
    });
  });
});

describe('while every worker is stopped', () => {
  it('reviews are kept and count later, orders say that nobody answers, and the change then goes its way', async () => {
    const change = await plannedChange('0000:02:00.0');
    const other = await plannedChange('0000:06:00.0', { wholeUnit: true });
    await live.stack.child('worker').stop();
    try {
      for (const name of ['approver-1', 'approver-2'] as const) {
        const { status, body } = await review(name, change);
        expect({ status, said: body.status, missing: body.missing }).toEqual({
          status: 202,
          said: 'recorded, not yet counted',
          missing: undefined,
        });
      }
      const { body } = await live.as<ReviewListView>('auditor', 'GET', `/v1/changes/${change.id}/reviews`);
      expect(body.items.map(({ outcome }) => outcome)).toEqual([null, null]);
      expect((await live.as<ChangeView>('requester', 'GET', `/v1/changes/${change.id}`)).body.state).toBe(
        'awaiting-review',
      );
      const withdrawn = await order('requester', other, 'withdraw');
      expect({ status: withdrawn.status, code: withdrawn.body.code }).toEqual({
        status: 503,
        code: 'worker-silent',
      });
    } finally {
      await live.stack.child('worker').start();
    }
    expect((await live.until(change.id, ended)).ending).toBe('succeeded');
    // The withdrawal was never confirmed. It may have happened all the same, so it is looked at before it is repeated.
    const now = await live.as<ChangeView>('requester', 'GET', `/v1/changes/${other.id}`);
    if (now.body.state !== 'closed') await order('requester', other, 'withdraw');
    expect((await live.until(other.id, ended)).ending).toBe('withdrawn');
    const { body } = await live.as<ReviewListView>('auditor', 'GET', `/v1/changes/${change.id}/reviews`);
    expect(body.items.filter(({ outcome }) => outcome === null)).toEqual([]);
  }, 90_000);
});

describe('orders', () => {
  it('a change that waits is withdrawn once, and by its requester', async () => {
    const change = await plannedChange('0000:06:00.0', { wholeUnit: true });
    const first = await order('requester', change, 'withdraw');
    expect(first).toMatchObject({ status: 202, body: { status: 'accepted', state: 'awaiting-review' } });
    expect((await live.until(change.id, ended)).ending).toBe('withdrawn');
    expect((await order('requester', change, 'withdraw')).body.code).toBe('not-now');
  }, 30_000);

  it('what is not possible now is refused with the state it is in', async () => {
    const change = await plannedChange('0000:06:00.0', { wholeUnit: true });
    const { status, body } = await order('operator-1', change, 'cancel');
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'not-now' });
    expect((await order('operator-1', change, 'resolve', { resolution: 'retry' })).body.code).toBe('not-now');
    expect((await order('operator-1', change, 'resolve', { resolution: 'accept' })).body.code).toBe(
      'not-now',
    );
    await order('requester', change, 'withdraw');
  }, 30_000);

  it('a site on hold lets nothing begin until it is released', async () => {
    const held = await live.as('operator-1', 'POST', '/v1/sites/demo:hold', { reason: 'power works' });
    expect(held).toMatchObject({ status: 200, body: { id: 'demo', hold: { reason: 'power works' } } });
    const change = await plannedChange('0000:06:00.0', { wholeUnit: true });
    await live.approve(change);
    const waiting = await live.until(change.id, ({ state }) => state !== 'awaiting-review');
    expect(['scheduled', 'gate']).toContain(waiting.state);
    expect(
      (await live.as<TimelineView>('auditor', 'GET', `/v1/changes/${change.id}/timeline`)).body.steps,
    ).toEqual([]);
    await live.as('operator-2', 'POST', '/v1/sites/demo:release');
    expect((await live.until(change.id, ended)).ending).toBe('succeeded');
  }, 60_000);

  it('a site nobody has can’t be held', async () => {
    const { status, body } = await live.as('operator-1', 'POST', '/v1/sites/nowhere:hold', { reason: 'x' });
    expect({ status, code: body.code }).toEqual({ status: 404, code: 'site-unknown' });
  });

  it('a parked change is accepted only when a second operator confirms what the first proposed', async () => {
    const address = '0000:08:00.0';
    for (const verb of ['attach', 'mount'])
      await live.simulator('/faults', { kind: 'before', verb, address, count: 1_000 });
    const change = await plannedChange(address);
    await live.approve(change);
    const parked = await live.until(change.id, ({ state }) => state === 'parked');
    expect(parked.halfState).not.toBeNull();

    const wish = { resolution: 'accept' };
    const proposed = await order('operator-1', change, 'resolve', wish);
    expect(proposed).toMatchObject({ status: 202, body: { status: 'needs a second person' } });
    const { proposal } = proposed.body;
    expect((await order('operator-1', change, 'resolve', { ...wish, proposal })).body.code).toBe(
      'second-person-needed',
    );
    expect((await order('operator-2', change, 'resolve', { resolution: 'skip', proposal })).body.code).toBe(
      'proposal-invalid',
    );
    expect(
      (await order('operator-2', change, 'resolve', { ...wish, proposal: 'made-up-proposal' })).body.code,
    ).toBe('proposal-invalid');
    expect((await order('operator-2', change, 'resolve', { ...wish, proposal })).body).toMatchObject({
      status: 'accepted',
      state: 'parked',
    });
    expect((await live.until(change.id, ended)).ending).toBe('closed-by-operator');
  }, 90_000);
});

describe('what the API promised before it died', () => {
  it('a change that was kept and never started is started when the API is back', async () => {
    const register = openRegister(live.stack.addresses.database.appUrl);
    try {
      const id = newChangeId();
      const { request, ...lost } = newChange(id);
      await createChange(register.db, {
        ...lost,
        request: {
          ...request,
          host: 'sim-01',
          site: 'demo',
          devices: [{ address: '0000:02:00.0', mode: 'pci' }],
        },
        at: new Date().toISOString(),
      });
      expect((await getChange(register.db, id))?.startedAt).toBeNull();
      const api = live.stack.child('api');
      await api.stop();
      await api.start();
      const started = await live.until(id, ({ state }) => state !== 'inspecting');
      expect(started).toMatchObject({ id, started: true });
    } finally {
      await register.close();
    }
  }, 60_000);
});
