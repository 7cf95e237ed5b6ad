import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createChange,
  getChange,
  listChanges,
  markStarted,
  unstartedChanges,
} from '../../records/changes.js';
import { RecordConflict } from '../../records/conflict.js';
import { nextOutbox } from '../../records/outbox.js';
import { recordProgress } from '../../records/progress.js';
import { storeReview } from '../../records/reviews.js';
import { auditEvents } from '../../records/audit.js';
import { freshRegister, type TestRegister } from '../support/postgres.js';
import { approver, decision, later, newChange, progress, request, requester } from './samples.js';

let register: TestRegister;
beforeAll(async () => {
  register = await freshRegister();
});
afterAll(() => register.close());

describe('creating a change', () => {
  it('keeps request, audit event and outbox row together', async () => {
    const { change, created } = await createChange(register.db, newChange('create-1'));
    expect(created).toBe(true);
    expect(change).toMatchObject({
      id: 'create-1',
      request,
      requester,
      state: 'inspecting',
      round: 0,
      startedAt: null,
    });
    const { items } = await auditEvents(register.db, { changeId: 'create-1', limit: 10 });
    expect(items.map((event) => event.kind)).toEqual(['change.requested']);
    const outbox = await nextOutbox(register.db, { limit: 100, leaseSeconds: 0 });
    expect(outbox.filter((row) => row.changeId === 'create-1').map((row) => row.kind)).toEqual([
      'change.requested',
    ]);
  });

  it('does not create a second change when the same request is sent ten times at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        createChange(register.db, newChange(`repeat-${index}`, { idempotencyKey: 'key-repeat' })),
      ),
    );
    expect(answers.filter((answer) => answer.created)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.change.id)).size).toBe(1);
  });

  it('refuses another request under a key that was used, and names the change that has it', async () => {
    await createChange(register.db, newChange('taken-1', { idempotencyKey: 'key-taken' }));
    const other = createChange(
      register.db,
      newChange('taken-2', { idempotencyKey: 'key-taken', requestHash: 'hash-2' }),
    );
    await expect(other).rejects.toThrow(RecordConflict);
    await expect(other).rejects.toMatchObject({ what: 'idempotency key', existing: 'taken-1' });
    expect(await getChange(register.db, 'taken-2')).toBeNull();
  });

  it('lets two people use the same idempotency key', async () => {
    const first = await createChange(register.db, newChange('shared-1', { idempotencyKey: 'key-shared' }));
    const second = await createChange(
      register.db,
      newChange('shared-2', { idempotencyKey: 'key-shared', requester: approver }),
    );
    expect([first.created, second.created]).toEqual([true, true]);
  });

  it('shows a change as unstarted until its workflow is started, and keeps the first time', async () => {
    await createChange(register.db, newChange('start-1'));
    expect((await unstartedChanges(register.db)).map((change) => change.id)).toContain('start-1');
    await markStarted(register.db, 'start-1', later(1));
    await markStarted(register.db, 'start-1', later(9));
    expect((await unstartedChanges(register.db)).map((change) => change.id)).not.toContain('start-1');
    expect((await getChange(register.db, 'start-1'))?.startedAt).toBe(later(1));
  });
});

describe('listing changes', () => {
  it('gives every change once although others are added between two pages', async () => {
    const ids = Array.from({ length: 7 }, (_, index) => `page-${index}`);
    // Three share a moment: the id decides between them.
    for (const [index, id] of ids.entries()) {
      const at = later(Math.min(index, 4));
      await createChange(register.db, newChange(id, { request: { ...request, host: 'paged' }, at }));
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listChanges(register.db, { host: 'paged', limit: 2, ...(cursor ? { cursor } : {}) });
      seen.push(...page.items.map((change) => change.id));
      const at = later(100 + seen.length);
      await createChange(
        register.db,
        newChange(`late-${seen.length}`, { request: { ...request, host: 'paged' }, at }),
      );
      cursor = page.next ?? undefined;
    } while (cursor);
    expect(seen).toEqual(['page-6', 'page-5', 'page-4', 'page-3', 'page-2', 'page-1', 'page-0']);
  });

  it.each([
    'nonsense',
    Buffer.from('["x","y"]').toString('base64url'),
    Buffer.from('{}').toString('base64url'),
  ])('refuses a cursor nobody gave out (%s)', async (cursor) => {
    const listing = listChanges(register.db, { limit: 2, cursor });
    await expect(listing).rejects.toMatchObject({
      failure: { reason: 'request-invalid', where: { field: 'cursor' } },
    });
  });

  it('finds a change by the device however its address is spelled', async () => {
    const devices = [{ address: '3B:00.0', mode: 'pci' as const }];
    await createChange(register.db, newChange('device-1', { request: { ...request, devices } }));
    const { items } = await listChanges(register.db, { device: '0000:3b:00.0', limit: 5 });
    expect(items.map((change) => change.id)).toEqual(['device-1']);
  });

  it('keeps out of an inbox what its owner requested, edited or has decided', async () => {
    const inbox = { ...request, host: 'inbox' };
    await createChange(register.db, newChange('inbox-open', { request: inbox }));
    await createChange(register.db, newChange('inbox-own', { request: inbox, requester: approver }));
    await createChange(register.db, newChange('inbox-edited', { request: inbox, editors: [approver] }));
    await createChange(register.db, newChange('inbox-decided', { request: inbox }));
    await createChange(register.db, newChange('inbox-other-plan', { request: inbox }));
    await createChange(register.db, newChange('inbox-waiting-for-plan', { request: inbox }));
    for (const id of ['open', 'own', 'edited', 'decided', 'other-plan']) {
      await recordProgress(register.db, progress(`inbox-${id}`, 1, { planHash: 'plan-2' }));
    }
    await storeReview(register.db, decision('inbox-decided', { planHash: 'plan-2' }));
    await storeReview(register.db, decision('inbox-other-plan', { planHash: 'plan-1' }));
    const { items } = await listChanges(register.db, { host: 'inbox', awaitingReview: approver, limit: 10 });
    expect(items.map((change) => change.id).sort()).toEqual(['inbox-open', 'inbox-other-plan']);
  });
});
