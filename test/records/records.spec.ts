import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Origin } from '../../domain/origin.js';
import type { Plan } from '../../domain/plan.js';
import { auditEvents } from '../../records/audit.js';
import { RecordConflict } from '../../records/conflict.js';
import { getEvidence, getHistories, storeEvidence, storeHistory } from '../../records/evidence.js';
import { forgetOrigins, originsOn, storeOrigins } from '../../records/origins.js';
import { getPlan, storePlan } from '../../records/plans.js';
import { recordProgress } from '../../records/progress.js';
import { listReviews, settleReview, storeReview, unsettledReviews } from '../../records/reviews.js';
import { holdSite, listSiteHolds, releaseSite, siteHold } from '../../records/site-holds.js';
import { freshRegister, type TestRegister } from '../support/postgres.js';
import { decision, fact, later, noon, operator, progress, requester, storeChanges } from './samples.js';

let register: TestRegister;
beforeAll(async () => {
  register = await freshRegister();
});
afterAll(() => register.close());

async function kindsOf(changeId: string): Promise<string[]> {
  const { items } = await auditEvents(register.db, { changeId, limit: 100 });
  return items.map((event) => event.kind).filter((kind) => kind !== 'change.requested');
}

describe('plans', () => {
  const stored = (round: number, planHash: string) => {
    const plan = { version: 1, action: 'attach', estimateSeconds: round } as Plan;
    return { changeId: 'plan-1', round, planHash, plan, material: { b: 1, a: [planHash] } };
  };

  it('stay what was reviewed: a hash stands for one plan, whoever stores it again', async () => {
    await storeChanges(register.db, 'plan-1');
    await storePlan(register.db, stored(1, 'hash-a'));
    await storePlan(register.db, { ...stored(2, 'hash-a'), plan: { version: 1 } as Plan });
    expect(await getPlan(register.db, 'plan-1', 'hash-a')).toMatchObject(stored(1, 'hash-a'));
  });

  it('stand beside each other: one that was made and never reviewed is in nobody’s way', async () => {
    await storePlan(register.db, stored(1, 'hash-b'));
    await storePlan(register.db, stored(2, 'hash-c'));
    expect(await getPlan(register.db, 'plan-1', 'hash-b')).toMatchObject(stored(1, 'hash-b'));
    expect(await getPlan(register.db, 'plan-1', 'hash-d')).toBeNull();
    expect(await getPlan(register.db, 'nobody', 'hash-a')).toBeNull();
  });
});

describe('reviews', () => {
  it('are kept once, and one id can’t say two things', async () => {
    await storeChanges(register.db, 'review-1');
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => storeReview(register.db, decision('review-1'))),
    );
    expect(answers.filter((answer) => answer.stored)).toHaveLength(1);
    const turned = decision('review-1', { decision: 'reject', comment: 'no' });
    await expect(storeReview(register.db, turned)).rejects.toThrow(RecordConflict);
    expect(await listReviews(register.db, 'review-1')).toMatchObject([
      { decision: decision('review-1'), outcome: null },
    ]);
    expect(await kindsOf('review-1')).toEqual(['review.recorded']);
  });

  it('are delivered again until the workflow has answered or is closed', async () => {
    await storeChanges(register.db, 'review-2', 'review-3');
    await storeReview(register.db, decision('review-2'));
    await storeReview(register.db, decision('review-3'));
    const waiting = async (): Promise<string[]> =>
      (await unsettledReviews(register.db)).map((review) => review.decision.changeId);
    expect(await waiting()).toEqual(expect.arrayContaining(['review-2', 'review-3']));
    const answer = { changeId: 'review-2', decisionId: 'review-2-decision-1', at: later(1) };
    await settleReview(register.db, { ...answer, outcome: 'refused', refusal: 'stale-plan' });
    await settleReview(register.db, { ...answer, outcome: 'counted' });
    await recordProgress(register.db, progress('review-3', 1, { state: 'closed', ending: 'expired' }));
    expect(await waiting()).not.toEqual(expect.arrayContaining(['review-2']));
    expect(await waiting()).not.toEqual(expect.arrayContaining(['review-3']));
    expect(await listReviews(register.db, 'review-2')).toMatchObject([
      { outcome: 'refused', refusal: 'stale-plan' },
    ]);
    expect(await kindsOf('review-2')).toEqual(['review.recorded', 'review.refused']);
  });

  it('leave a trace of a forged one that was never kept', async () => {
    await storeChanges(register.db, 'review-4');
    const forged = {
      changeId: 'review-4',
      decisionId: 'forged',
      outcome: 'refused' as const,
      refusal: 'review-forged',
    };
    await settleReview(register.db, { ...forged, at: noon });
    expect(await listReviews(register.db, 'review-4')).toEqual([]);
    expect(await kindsOf('review-4')).toEqual(['review.refused']);
  });
});

describe('evidence', () => {
  it('keeps the first look before the act, and the newest after it, with digests in the record', async () => {
    await storeChanges(register.db, 'evidence-1');
    const store = (moment: 'before' | 'after', value: string, at: string) =>
      storeEvidence(register.db, {
        changeId: 'evidence-1',
        round: 1,
        moment,
        facts: [fact('driver', value)],
        at,
      });
    const first = await store('before', 'e1000e', later(1));
    expect(await store('before', 'vfio-pci', later(2))).toEqual(first);
    await store('after', 'vfio-pci', later(3));
    const last = await store('after', 'e1000e', later(5));
    expect(await store('after', 'too late', later(4))).toEqual(last);
    expect(last).toEqual(first);
    const evidence = await getEvidence(register.db, 'evidence-1');
    expect(evidence.map(({ moment, facts, digest }) => [moment, facts[0]?.value, digest])).toEqual([
      ['before', 'e1000e', first.digest],
      ['after', 'e1000e', first.digest],
    ]);
    expect(await kindsOf('evidence-1')).toEqual(['evidence.stored', 'evidence.stored', 'evidence.stored']);
  });

  it('keeps a workflow’s history to the letter, once', async () => {
    await storeChanges(register.db, 'history-1');
    const json = '{ "events":[ 1 ] }';
    await storeHistory(register.db, 'history-1', 'digest', json);
    await storeHistory(register.db, 'history-1', 'digest', json);
    expect(await getHistories(register.db, 'history-1')).toMatchObject([{ sha256: 'digest', json }]);
    expect(await kindsOf('history-1')).toEqual(['history.stored']);
  });
});

describe('origins', () => {
  const origin = (changeId: string, hostDriver: string): Origin => {
    const fingerprint = { vendor: '8086', device: '10d3' };
    return {
      address: '0000:02:00.0',
      vm: 'voip-gateway',
      changeId,
      hostDriver,
      fingerprint,
      settings: { a: 'b' },
    };
  };
  const read = async () =>
    (await originsOn(register.db, 'identity-1', ['0000:02:00.0', '0000:03:00.0'])).map(
      (one) => one.hostDriver,
    );

  it('are not overwritten by a repetition that already sees what the act has changed', async () => {
    await storeOrigins(register.db, 'identity-1', [origin('attach-1', 'e1000e')]);
    await storeOrigins(register.db, 'identity-1', [origin('attach-1', 'vfio-pci')]);
    expect(await read()).toEqual(['e1000e']);
    expect(await originsOn(register.db, 'identity-2', ['0000:02:00.0'])).toEqual([]);
  });

  it('of a newer attach are not forgotten by the late undo of an older one', async () => {
    await storeOrigins(register.db, 'identity-1', [origin('attach-2', 'igb')]);
    await forgetOrigins(register.db, 'identity-1', ['0000:02:00.0'], 'attach-1');
    expect(await read()).toEqual(['igb']);
    await forgetOrigins(register.db, 'identity-1', ['0000:02:00.0'], 'attach-2');
    expect(await read()).toEqual([]);
  });
});

describe('the hold of a site', () => {
  it('is one switch, however many people throw it at once, and each throw that moved it is recorded', async () => {
    const holds = await Promise.all(
      [operator, requester].map((by) =>
        holdSite(register.db, { site: 'lab', by, reason: 'storm', at: noon }),
      ),
    );
    expect(holds[0]).toEqual(holds[1]);
    expect(await siteHold(register.db, 'lab')).toEqual(holds[0]);
    expect(await listSiteHolds(register.db)).toEqual([holds[0]]);
    expect(await releaseSite(register.db, { site: 'lab', by: operator, at: later(1) })).toBe(true);
    expect(await releaseSite(register.db, { site: 'lab', by: operator, at: later(1) })).toBe(false);
    expect(await siteHold(register.db, 'lab')).toBeNull();
    await holdSite(register.db, { site: 'lab', by: operator, reason: 'again', at: noon });
    expect(await kindsOf('site/lab')).toEqual(['site.held', 'site.released', 'site.held']);
  });
});
