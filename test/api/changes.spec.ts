import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChangePageView, ChangeView } from '../../api/changes/change.view.js';
import { verifyChain } from '../../domain/audit-verify.js';
import { auditEvents } from '../../records/audit.js';
import { recordProgress } from '../../records/progress.js';
import { freshRegister, type TestRegister } from '../support/postgres.js';
import { startApi, type TestApi } from './support/api.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

let register: TestRegister;
let api: TestApi;
beforeAll(async () => {
  register = await freshRegister();
  api = await startApi({ databaseUrl: register.database.appUrl, uiUrl: 'http://127.0.0.1:8233/' });
});
afterAll(async () => {
  await api.close();
  await register.close();
});

const good = {
  action: 'attach',
  host: 'sim-01',
  vm: 'voip-gateway',
  devices: [{ alias: 'isdn-card', fingerprint: { vendor: '1b36', device: '0010', serial: 'N0' } }],
  reason: `it's "the" <new> cluster & -more`,
};

async function create(
  parts: object = {},
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: ChangeView }> {
  return api.send<ChangeView>('POST', '/v1/changes', { body: { ...good, ...parts }, headers });
}

describe('asking for a change', () => {
  it('keeps it although Temporal is down, says where it is, and that it has not begun', async () => {
    const { status, headers, body } = await create();
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/changes/${body.id}`);
    expect(body).toMatchObject({
      state: 'inspecting',
      ending: null,
      started: false,
      requesterName: 'name of requester',
    });
    expect(body.links.temporal).toBe(
      `http://127.0.0.1:8233/namespaces/default/workflows/change%2F${body.id}`,
    );
    const again = await api.send<ChangeView>('GET', `/v1/changes/${body.id}`);
    expect(again.body).toEqual(body);
    expect(again.headers.get('etag')).toBe(headers.get('etag'));
  });

  it('turns an alias into its address, fills in what is careful, and keeps the words of the reason', async () => {
    const { body } = await create();
    expect(body.request).toEqual({
      action: 'attach',
      host: 'sim-01',
      site: 'lab',
      vm: 'voip-gateway',
      devices: [
        {
          address: '0000:02:00.0',
          alias: 'isdn-card',
          mode: 'pci',
          fingerprint: { vendor: '1b36', device: '0010', serial: 'N0' },
        },
      ],
      wholeUnit: false,
      powerOff: 'never',
      onUnhealthy: 'undo',
      class: 'normal',
      reason: good.reason,
    });
  });

  it('takes the requester from the token alone', async () => {
    const { body } = await create();
    expect(body.requester).toEqual({ issuer: api.issuer.url, subject: 'requester' });
  });

  it('writes it into the audit chain, which then verifies', async () => {
    const { body } = await create();
    const { items } = await auditEvents(register.db, { changeId: body.id, limit: 10 });
    expect(items.map(({ kind, actor }) => ({ kind, actor }))).toEqual([
      { kind: 'change.requested', actor: `${api.issuer.url}#requester` },
    ]);
    expect(verifyChain(items, sha256)).toEqual([]);
  });

  it('from a program is taken', async () => {
    const token = await api.issuer.token('pipeline', ['requester'], { claims: { client_id: 'pipeline' } });
    const { status } = await api.send('POST', '/v1/changes', { body: good, token });
    expect(status).toBe(201);
  });

  it('with all that may be left out as null is the same as leaving it out', async () => {
    const { status, body } = await create({ ticket: null, window: null, lease: null, from: null });
    expect(status).toBe(201);
    expect(Object.keys(body.request)).not.toEqual(expect.arrayContaining(['window']));
  });
});

describe('an idempotency key', () => {
  it('gives the first change again for the same body, and starts no second one', async () => {
    const key = { 'idempotency-key': 'key-00000001' };
    const [first, again] = [await create({}, key), await create({}, key)];
    expect(again.status).toBe(201);
    expect(again.body.id).toBe(first.body.id);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(first.headers.get('idempotency-replayed')).toBeNull();
  });

  it('sent twice at once makes one change', async () => {
    const key = { 'idempotency-key': 'key-00000002' };
    const answers = await Promise.all([1, 2, 3, 4].map(() => create({}, key)));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  });

  it('of another body is refused', async () => {
    const key = { 'idempotency-key': 'key-00000003' };
    await create({}, key);
    const { status, body } = await api.send('POST', '/v1/changes', {
      body: { ...good, vm: 'other-vm' },
      headers: key,
    });
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'idempotency-key-reused' });
  });

  it('of another person is another key', async () => {
    const key = { 'idempotency-key': 'key-00000004' };
    const first = await create({}, key);
    const token = await api.issuer.token('requester-2', ['requester']);
    const other = await api.send<ChangeView>('POST', '/v1/changes', { body: good, headers: key, token });
    expect(other.body.id).not.toBe(first.body.id);
  });
});

describe('a change that was read', () => {
  it('is not sent again as long as its ETag holds, and is once it has moved on', async () => {
    const { body, headers } = await create();
    const etag = headers.get('etag')!;
    const path = `/v1/changes/${body.id}`;
    expect((await api.send('GET', path, { headers: { 'if-none-match': etag } })).status).toBe(304);
    await moveOn(body.id);
    const moved = await api.send<ChangeView>('GET', path, { headers: { 'if-none-match': etag } });
    expect({ status: moved.status, state: moved.body.state }).toEqual({
      status: 200,
      state: 'awaiting-review',
    });
    expect(moved.headers.get('etag')).not.toBe(etag);
  });

  it('and moved on is not ordered about by who has not seen that', async () => {
    const { body, headers } = await create();
    await moveOn(body.id);
    const answer = await api.send('POST', `/v1/changes/${body.id}:withdraw`, {
      body: { reason: 'no' },
      headers: { 'if-match': headers.get('etag')! },
    });
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 412, code: 'etag-stale' });
  });

  it('shows its clocks as times', async () => {
    const { body } = await create();
    await moveOn(body.id);
    const { body: moved } = await api.send<ChangeView>('GET', `/v1/changes/${body.id}`);
    expect(moved.clocks).toEqual({ reviewUntil: '2030-01-01T00:00:00.000Z' });
    expect(moved.missing).toEqual([{ requirement: 'two-reviewers', count: 2, groups: [] }]);
  });

  it('that nobody has is a problem', async () => {
    const { status, body } = await api.send('GET', '/v1/changes/chg_00000000000000000000000000');
    expect({ status, code: body.code }).toEqual({ status: 404, code: 'change-unknown' });
  });

  it('without a plan says so, and has no evidence yet', async () => {
    const { body } = await create();
    const plan = await api.send('GET', `/v1/changes/${body.id}/plan`);
    expect({ status: plan.status, code: plan.body.code }).toEqual({ status: 404, code: 'plan-missing' });
    const evidence = await api.send<unknown>('GET', `/v1/changes/${body.id}/evidence`);
    expect(evidence.body).toEqual({
      changeId: body.id,
      before: null,
      after: null,
      equal: null,
      differences: [],
      histories: [],
    });
  });
});

describe('the list of changes', () => {
  it('goes page by page through all of them, newest first, each once', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1)
      ids.push((await create({ host: 'sim-02', devices: [{ address: `0000:0${n}:00.0` }] })).body.id);
    const seen: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const cursor: string = next ? `&cursor=${next}` : '';
      const { body } = await api.send<ChangePageView>('GET', `/v1/changes?host=sim-02&limit=2${cursor}`);
      expect(body.items.length).toBeLessThanOrEqual(2);
      seen.push(...body.items.map(({ id }) => id));
      next = body.next;
    }
    expect(seen).toEqual(ids.reverse());
  });

  it('finds a device by any spelling of its address', async () => {
    await create({ host: 'sim-02', devices: [{ address: '0000:AB:1f.7' }] });
    const { body } = await api.send<ChangePageView>('GET', '/v1/changes?device=ab:1F.7');
    expect(body.items.map(({ request }) => request.devices[0]!.address)).toEqual(['0000:ab:1f.7']);
  });

  it('is an inbox for who may still review, and none for who asked', async () => {
    const { body } = await create({ vm: 'inbox-vm' });
    await moveOn(body.id);
    const inboxOf = async (subject: string): Promise<string[]> => {
      const token = await api.issuer.token(subject, ['approver', 'requester']);
      const page = await api.send<ChangePageView>('GET', '/v1/changes?awaitingReview=me&vm=inbox-vm', {
        token,
      });
      return page.body.items.map(({ id }) => id);
    };
    expect(await inboxOf('approver-1')).toEqual([body.id]);
    expect(await inboxOf('requester')).toEqual([]);
  });

  it('refuses a cursor nobody gave out', async () => {
    const { status, body } = await api.send('GET', '/v1/changes?cursor=bm9wZQ');
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'query-invalid' });
  });
});

describe('somebody else’s change', () => {
  it('can’t be withdrawn or cancelled by another requester', async () => {
    const { body } = await create();
    const token = await api.issuer.token('requester-2', ['requester']);
    for (const verb of ['withdraw', 'cancel']) {
      const answer = await api.send('POST', `/v1/changes/${body.id}:${verb}`, {
        token,
        body: { reason: 'mine now' },
      });
      expect({ verb, status: answer.status, code: answer.body.code }).toEqual({
        verb,
        status: 403,
        code: 'not-your-change',
      });
    }
  });

  it('is not the same person’s because another issuer uses the same name', async () => {
    const { body } = await create();
    const other = await startApi({ databaseUrl: register.database.appUrl });
    try {
      const answer = await other.send('POST', `/v1/changes/${body.id}:withdraw`, {
        body: { reason: 'same name' },
      });
      expect({ status: answer.status, code: answer.body.code }).toEqual({
        status: 403,
        code: 'not-your-change',
      });
    } finally {
      await other.close();
    }
  });
});

describe('the live events of a change', () => {
  it('end with the token they were asked for with', async () => {
    const { body } = await create();
    // Just over, and taken for some seconds more: clocks differ.
    const exp = Math.floor(Date.now() / 1000) - 3;
    const token = await api.issuer.token('requester', ['requester'], { claims: { exp } });
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${api.url}/v1/changes/${body.id}/events`, { headers });
    expect(await response.text()).toContain('event: snapshot');
    expect((await fetch(`${api.url}/v1/changes/${body.id}/events`, { headers })).status).toBe(401);
  });
});

async function moveOn(changeId: string): Promise<void> {
  await recordProgress(register.db, {
    changeId,
    sequence: 1,
    at: new Date().toISOString(),
    state: 'awaiting-review',
    round: 1,
    planHash: 'a'.repeat(64),
    clocks: { reviewUntil: Date.parse('2030-01-01T00:00:00Z') },
    missing: [{ requirement: 'two-reviewers', count: 2, groups: [] }],
    events: [{ key: 'state-1', kind: 'change.awaiting-review', actor: 'slipway', data: {} }],
  });
}
