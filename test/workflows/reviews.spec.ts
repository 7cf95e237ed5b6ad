import { afterEach, describe, expect, it } from '@jest/globals';
import { reviewSignal, reviewUpdate } from '../../workflows/contract.js';
import { card } from '../domain/samples.js';
import { person } from '../support/workflow-driver-world.js';
import { Change, steps } from './changes.js';

afterEach(() => Change.disposeAll());

async function underReview(): Promise<Change> {
  const change = await Change.submitted();
  return change.settles();
}

function refusals(change: Change): (string | null)[] {
  return change.world.ledger.flatMap((one) => (one.kind === 'review' ? [one.refusal] : []));
}

describe('a review as an update', () => {
  it('counts and says what is still missing', async () => {
    const change = await underReview();
    expect(await change.approves('approver-1')).toMatchObject({
      accepted: true,
      result: {
        counted: true,
        standing: { verdict: 'open', missing: [{ requirement: 'two-reviewers', count: 1 }] },
      },
    });
    expect(await change.approves('approver-2')).toMatchObject({
      result: { standing: { verdict: 'approved', missing: [] } },
    });
  });

  it('shows in the register what is still missing, after each one', async () => {
    const change = await underReview();
    expect(change.world.lastTold().missing).toMatchObject([{ count: 2 }]);
    await change.approves('approver-1');
    expect(change.world.lastTold()).toMatchObject({ state: 'awaiting-review', missing: [{ count: 1 }] });
  });

  it('sent twice with its id counts once', async () => {
    const change = await underReview();
    await change.approves('approver-1');
    await change.approves('approver-1');
    expect((await change.view()).standing).toMatchObject({ missing: [{ count: 1 }] });
    expect(refusals(change)).toEqual([null]);
  });

  it.each([
    ['the requester', 'requester', {}, 'own-change'],
    ['somebody who edited the request', 'editor', {}, 'own-change'],
    ['anybody for another plan', 'approver-1', { planHash: 'f'.repeat(64) }, 'stale-plan'],
    ['anybody for another change', 'approver-1', { changeId: 'change-2' }, 'closed'],
    ['a reject without a comment', 'approver-1', { decision: 'reject' as const }, 'comment-missing'],
  ])('of %s is rejected and leaves no trace', async (_, by, more, refusal) => {
    const change = await underReview();
    const decision = change.world.decision(by, change.planHash, more);
    const answer = await change.driver.update(reviewUpdate, 'd', decision);
    expect(answer).toMatchObject({
      accepted: false,
      rejection: { type: 'slipway/review-refused', details: [{ refusal }] },
    });
    expect((await change.view()).standing).toMatchObject({ missing: [{ count: 2 }] });
  });

  it('by a person who decided the same before is rejected', async () => {
    const change = await underReview();
    await change.approves('approver-1');
    const again = change.world.decision('approver-1', change.planHash, { decisionId: 'another' });
    expect(await change.driver.update(reviewUpdate, 'another', again)).toMatchObject({
      rejection: { details: [{ refusal: 'already-decided' }] },
    });
  });

  it('that did not come through the API does not count', async () => {
    const change = await underReview();
    const forged = { ...change.world.decision('approver-1', change.planHash), signature: 'made up' };
    expect(await change.driver.update(reviewUpdate, 'd', forged)).toMatchObject({
      accepted: true,
      rejection: { type: 'slipway/review-refused', details: [{ refusal: 'review-forged' }] },
    });
    expect((await change.view()).standing).toMatchObject({ missing: [{ count: 2 }] });
  });

  it('whose content was changed after it was signed does not count', async () => {
    const change = await underReview();
    const rejected = change.world.decision('approver-1', change.planHash, {
      decision: 'reject',
      comment: 'no',
    });
    const turned = { ...rejected, decision: 'approve' as const };
    expect(await change.driver.update(reviewUpdate, 'd', turned)).toMatchObject({
      rejection: { details: [{ refusal: 'review-forged' }] },
    });
  });

  it('that is no review at all is rejected, and the change goes on', async () => {
    const change = await underReview();
    for (const junk of [null, 'junk', 7, {}, { decisionId: 'x' }]) {
      const answer = await change.driver.update(reviewUpdate, `junk ${JSON.stringify(junk)}`, junk as never);
      expect(answer.rejection).not.toBeNull();
    }
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });

  it('counts once when a person sends two different ones in the same instant', async () => {
    const change = await underReview();
    const twice = ['first', 'second'].map((decisionId) =>
      change.world.decision('approver-1', change.planHash, { decisionId }),
    );
    const answers = twice.map((one) => change.driver.send(reviewUpdate, one.decisionId, one));
    await change.driver.settle();
    expect(answers.filter(({ result }) => result?.counted)).toHaveLength(1);
    expect(refusals(change).sort()).toEqual(['already-decided', null].sort());
    expect((await change.view()).standing).toMatchObject({ missing: [{ count: 1 }] });
  });
});

describe('a review as a signal', () => {
  it('counts through the same function when no worker had answered the update', async () => {
    const change = await underReview();
    for (const by of ['approver-1', 'approver-2']) {
      change.driver.signal(reviewSignal, change.world.decision(by, change.planHash));
    }
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(refusals(change)).toEqual([null, null]);
  });

  it('counts once when update and signal both arrive', async () => {
    const change = await underReview();
    const decision = change.world.decision('approver-1', change.planHash);
    const answer = change.driver.send(reviewUpdate, decision.decisionId, decision);
    change.driver.signal(reviewSignal, decision);
    await change.driver.settle();
    expect(answer.result).toMatchObject({ counted: true });
    expect(refusals(change).every((refusal) => refusal === null)).toBe(true);
    expect((await change.view()).standing).toMatchObject({ missing: [{ count: 1 }] });
  });

  it('that counted already stays counted in the register, however late its signal comes', async () => {
    const change = await underReview();
    const decision = change.world.decision('approver-1', change.planHash);
    await change.isApproved();
    await change.reaches('running');
    change.driver.signal(reviewSignal, decision);
    await change.ends();
    expect(refusals(change).filter((refusal) => refusal !== null)).toEqual([]);
  });

  it('that does not count is settled with the reason', async () => {
    const change = await underReview();
    change.driver.signal(reviewSignal, change.world.decision('requester', change.planHash));
    change.driver.signal(reviewSignal, change.world.decision('approver-1', 'e'.repeat(64)));
    await change.driver.settle();
    expect(refusals(change)).toEqual(['own-change', 'stale-plan']);
  });

  it('that was forged or is junk changes nothing and stops nothing', async () => {
    const change = await underReview();
    change.driver.signal(reviewSignal, {
      ...change.world.decision('approver-1', change.planHash),
      signature: 'x',
    });
    for (const junk of [null, 'junk', {}]) change.driver.signal(reviewSignal, junk as never);
    await change.driver.settle();
    expect((await change.view()).standing).toMatchObject({ missing: [{ count: 2 }] });
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });
});

describe('a reviewer', () => {
  it('may turn an approve into a reject while others have not decided', async () => {
    const change = await underReview();
    await change.approves('approver-1');
    await change.rejects('approver-1');
    expect(await change.ends()).toEqual({ ending: 'rejected' });
  });

  it('may do so while the change waits for its window', async () => {
    const window = { from: '2026-11-23T12:00:00Z', to: '2026-11-23T18:00:00Z' };
    const change = await Change.submitted({ window });
    await change.isApproved();
    await change.reaches('scheduled');
    await change.rejects('approver-1');
    expect(await change.ends()).toEqual({ ending: 'rejected' });
    expect(change.acts).toEqual([]);
  });

  it('may do so at the gate while the host is looked at: nothing is touched, nothing stays claimed', async () => {
    const change = await Change.submitted(
      {},
      { takes: ({ name }) => (name === 'inspectAgain' ? 10_000 : 0) },
    );
    await change.isApproved();
    await change.reaches('gate');
    await change.driver.advance(5_000);
    expect(await change.rejects('approver-1')).toMatchObject({ result: { counted: true } });
    expect(await change.ends()).toEqual({ ending: 'rejected' });
    expect(change.acts).toEqual([]);
    expect(change.world.claims.size).toBe(0);
  });

  it('is told when it is too late', async () => {
    const change = await Change.submitted({}, { takes: ({ name }) => (name === 'act' ? 1_000 : 0) });
    await change.isApproved();
    await change.reaches('running');
    expect(await change.rejects('approver-1')).toMatchObject({
      accepted: false,
      rejection: { details: [{ refusal: 'closed' }] },
    });
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });

  it('never sees a reject counted after which a device is touched', async () => {
    // The reject arrives at each of the instants between the last review and the first act.
    for (let instant = 0; instant < 24; instant += 1) {
      const change = await Change.submitted();
      await change.isApproved();
      for (let step = 0; step < instant; step += 1) await change.driver.step();
      const answer = await change.rejects('approver-1');
      await change.ends();
      if (answer.result) expect({ instant, acts: change.acts }).toEqual({ instant, acts: [] });
      else expect({ instant, acts: change.acts.length }).toEqual({ instant, acts: 4 });
    }
  });
});

describe('a plan that changed', () => {
  it('needs new reviews of the new plan, in a new round with the difference shown', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    const reviewed = change.planHash;
    change.world.deviceAt(card).resetMethods = [];
    await change.driver.settle();
    expect(change.world.lastTold()).toMatchObject({
      state: 'awaiting-review',
      round: 2,
      missing: [{ count: 2 }],
      failures: [{ reason: 'plan-changed', expected: `plan ${reviewed}`, actual: `plan ${change.planHash}` }],
    });
    expect(change.planHash).not.toBe(reviewed);
    expect(change.acts).toEqual([]);
    expect(change.world.claims.size).toBe(0);
  });

  it('may be reviewed by the same people again', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    change.world.deviceAt(card).resetMethods = [];
    await change.driver.settle();
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.acts).toContain(steps.attachCard);
  });

  it('still shows the difference after the first review of it', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    change.world.deviceAt(card).resetMethods = [];
    await change.driver.settle();
    await change.approves('approver-1');
    expect(change.world.lastTold()).toMatchObject({
      missing: [{ count: 1 }],
      failures: [{ reason: 'plan-changed' }],
    });
  });

  it('is not run by a review of the plan before it that comes late', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    const late = change.world.decision('approver-3', change.planHash);
    change.world.deviceAt(card).resetMethods = [];
    await change.driver.settle();
    expect(await change.driver.update(reviewUpdate, late.decisionId, late)).toMatchObject({
      rejection: { details: [{ refusal: 'stale-plan' }] },
    });
  });
});

describe('what policy demands', () => {
  it('is asked of different people, each counting for one requirement', async () => {
    const requirements = [
      { id: 'network', count: 1, groups: ['network'] },
      { id: 'security', count: 1, groups: ['security'] },
    ];
    const change = await Change.submitted({}, { policy: { requirements } });
    await change.settles();
    const both = change.world.decision('approver-1', change.planHash, { groups: ['network', 'security'] });
    await change.driver.update(reviewUpdate, 'a', both);
    expect(change.world.lastTold().missing).toHaveLength(1);
    const other = change.world.decision('approver-2', change.planHash, { groups: ['network'] });
    await change.driver.update(reviewUpdate, 'b', other);
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });

  it('counts two issuers with the same subject as two people, and one subject with two names as one', async () => {
    const change = await underReview();
    const first = change.world.decision('approver-1', change.planHash);
    const other = { ...person('approver-1'), issuer: 'https://other.example' };
    await change.driver.update(reviewUpdate, 'a', first);
    const renamed = change.world.decision('approver-1', change.planHash, {
      decisionId: 'b',
      reviewerName: 'New',
    });
    expect(await change.driver.update(reviewUpdate, 'b', renamed)).toMatchObject({ accepted: false });
    const second = change.world.decision('approver-1', change.planHash, { decisionId: 'c', reviewer: other });
    expect(await change.driver.update(reviewUpdate, 'c', second)).toMatchObject({
      result: { standing: { verdict: 'approved' } },
    });
  });
});
