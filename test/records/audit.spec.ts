import { generateKeyPairSync, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { AuditExport } from '../../domain/audit.js';
import { type SignatureCheck, verifyExport } from '../../domain/audit-verify.js';
import { appendAudit, auditEvents } from '../../records/audit.js';
import { exportAudit, writeCheckpoint } from '../../records/audit-export.js';
import { inRegister } from '../../records/database.js';
import { sha256 } from '../../records/documents.js';
import { type EventNotice, listenToEvents } from '../../records/events.js';
import { freshRegister, type TestRegister } from '../support/postgres.js';
import { event, later, noon } from './samples.js';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const signed: SignatureCheck = (text, signature) =>
  verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64url'));

let register: TestRegister;
beforeAll(async () => {
  register = await freshRegister({ connections: 20 });
});
afterAll(() => register.close());

function append(changeId: string, ...keys: string[]): Promise<unknown> {
  return inRegister(register.db, (trx) =>
    appendAudit(
      trx,
      keys.map((key) => event(changeId, key, { key })),
    ),
  );
}

describe('a chain', () => {
  it('has no gap, no fork and no lost event when twenty transactions append at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, index) => append('many', `a-${index}`, `b-${index}`)));
    const document = await exportAudit(register.db, 'many');
    expect(document.events.map((one) => one.sequence)).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
    expect(verifyExport(document, sha256)).toMatchObject({
      verified: true,
      events: 40,
      chains: 1,
      defects: [],
    });
  });

  it('takes an event once, also when it is sent twenty times at once or twice in one go', async () => {
    await Promise.all(Array.from({ length: 20 }, () => append('once', 'same', 'same')));
    const { items } = await auditEvents(register.db, { changeId: 'once', limit: 10 });
    expect(items.map((one) => one.key)).toEqual(['same']);
  });

  it('verifies whatever text an event holds, in whatever spelling of time it came', async () => {
    const data = {
      nul: '\0',
      half: '\ud83d',
      'odd key \ud800': 1,
      umlaut: 'ä',
      number: 1e21,
      zero: -0,
      none: undefined,
    };
    await inRegister(register.db, (trx) =>
      appendAudit(trx, { ...event('odd', 'odd', data), at: '2026-11-22T13:00:00+01:00' }),
    );
    const document = await exportAudit(register.db, 'odd');
    expect(document.events[0]?.at).toBe(noon);
    expect(verifyExport(JSON.parse(JSON.stringify(document)) as AuditExport, sha256).defects).toEqual([]);
  });

  it('forgets what a transaction wrote that failed later', async () => {
    const failing = inRegister(register.db, async (trx) => {
      await appendAudit(trx, event('failed', 'first'));
      throw new Error('later');
    });
    await expect(failing).rejects.toThrow('later');
    await append('failed', 'second');
    const { items } = await auditEvents(register.db, { changeId: 'failed', limit: 10 });
    expect(items.map(({ key, sequence }) => ({ key, sequence }))).toEqual([{ key: 'second', sequence: 1 }]);
  });

  it('is read on after a sequence, and all chains page by page without a gap', async () => {
    await append('read', 'one', 'two', 'three');
    const rest = await auditEvents(register.db, { changeId: 'read', after: 1, limit: 1 });
    expect(rest.items.map((one) => one.key)).toEqual(['two']);
    expect(rest.next).toBe('2');
    const all = await auditEvents(register.db, { limit: 1000 });
    const paged: string[] = [];
    let after: string | undefined;
    do {
      const page = await auditEvents(register.db, { limit: 7, ...(after ? { after } : {}) });
      paged.push(...page.items.map((one) => one.hash));
      after = page.next ?? undefined;
    } while (after);
    expect(paged).toEqual(all.items.map((one) => one.hash));
  });
});

describe('the app’s role', () => {
  it.each([
    'update audit_events set actor = $$nobody$$',
    'delete from audit_events',
    'truncate audit_events',
  ])('can’t rewrite the record (%s)', async (statement) => {
    await append('kept', 'kept');
    await expect(sql.raw(statement).execute(register.db)).rejects.toThrow(/permission denied/);
  });

  it.each(['audit_events', 'plans', 'reviews', 'checkpoints', 'histories', 'review_outcomes'])(
    'and even the schema’s owner meets the trigger on %s',
    async (table) => {
      await expect(sql`delete from ${sql.table(table)}`.execute(register.owner.db)).rejects.toThrow(
        /may only grow/,
      );
      await expect(sql`truncate ${sql.table(table)} cascade`.execute(register.owner.db)).rejects.toThrow(
        /may only grow/,
      );
    },
  );
});

describe('checkpoints', () => {
  it('cover every chain that grew, follow each other, and show a tail that was cut off', async () => {
    await append('tail', 'one', 'two');
    const first = await writeCheckpoint(register.db, privateKey, noon);
    expect(await writeCheckpoint(register.db, privateKey, later(1))).toBeNull();
    await append('tail', 'three');
    const second = await writeCheckpoint(register.db, privateKey, later(2));
    expect(second?.checkpoint).toMatchObject({
      number: first!.checkpoint.number + 1,
      previous: first!.digest,
    });
    expect(second?.checkpoint.heads.map((head) => head.changeId)).toEqual(['tail']);

    const whole = await exportAudit(register.db);
    expect(verifyExport(whole, sha256, signed)).toMatchObject({ verified: true, signaturesChecked: true });
    const one = await exportAudit(register.db, 'tail');
    expect(one.checkpoints).toHaveLength(2);
    expect(verifyExport(one, sha256, signed).defects).toEqual([]);

    // Who cuts the tail in the database and mends the head is still shown up by the checkpoint.
    const { events } = one;
    const cut = {
      ...one,
      events: events.slice(0, 2),
      heads: [{ ...one.heads[0]!, sequence: 2, hash: events[1]!.hash }],
    };
    expect(verifyExport(cut, sha256, signed).defects).toMatchObject([{ kind: 'tail-missing', sequence: 3 }]);
  });

  it('are written one after the other when several are asked for at once', async () => {
    await append('rush', 'one');
    const written = await Promise.all(
      Array.from({ length: 5 }, () => writeCheckpoint(register.db, privateKey, noon)),
    );
    expect(written.filter((checkpoint) => checkpoint !== null)).toHaveLength(1);
  });
});

describe('notices', () => {
  it('tell listeners of a commit, and of a gap after the connection was lost', async () => {
    const notices: EventNotice[] = [];
    let gaps = 0;
    let changed = (): void => undefined;
    const happens = async (is: () => boolean): Promise<void> => {
      while (!is()) await new Promise<void>((resolve) => (changed = resolve));
    };
    const listener = listenToEvents(register.database.appUrl, {
      notice: (notice) => (notices.push(notice), changed()),
      gap: () => ((gaps += 1), changed()),
    });
    await happens(() => gaps === 1);
    await append('heard', 'one', 'two');
    await happens(() => notices.length === 1);
    expect(notices).toEqual([{ changeId: 'heard', sequence: 2 }]);
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'slipway-events' and datname = current_database()`.execute(register.owner.db);
    await happens(() => gaps === 2);
    await append('heard', 'three');
    await happens(() => notices.length === 2);
    await listener.close();
  });
});
