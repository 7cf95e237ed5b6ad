import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import type { Identity } from '../../domain/change.js';
import {
  type Decision,
  defaultRequirements,
  refuseReview,
  type Requirement,
  type ReviewBasis,
  standing,
  withDecision,
} from '../../domain/review.js';

const issuer = 'https://issuer.example';
const person = (subject: string): Identity => ({ issuer, subject });

let made = 0;
function decision(more: Partial<Decision> = {}): Decision {
  made += 1;
  return {
    version: 1,
    decisionId: `decision-${made}`,
    changeId: 'change-1',
    planHash: 'plan-a',
    decision: 'approve',
    reviewer: person('approver-1'),
    reviewerName: 'An approver',
    groups: [],
    decidedAt: '2026-11-22T12:00:00Z',
    ...more,
  };
}

function basis(more: Partial<ReviewBasis> = {}): ReviewBasis {
  return {
    open: true,
    changeId: 'change-1',
    planHash: 'plan-a',
    excluded: [person('requester')],
    held: [],
    ...more,
  };
}

const reject = { decision: 'reject', comment: 'not this week' } as const;

describe('a review counts', () => {
  it('when it is for this plan, by somebody else, while reviews are open', () => {
    expect(refuseReview(decision(), basis())).toBeNull();
    expect(refuseReview(decision(reject), basis())).toBeNull();
  });

  it('when a person turns an approve into a reject', () => {
    expect(refuseReview(decision(reject), basis({ held: [decision()] }))).toBeNull();
  });

  it('for a new plan by somebody who has reviewed the plan before it', () => {
    for (const before of [decision(), decision(reject)]) {
      const second = decision({ planHash: 'plan-b' });
      expect(refuseReview(second, basis({ planHash: 'plan-b', held: [before] }))).toBeNull();
    }
  });

  it('when the same decision comes twice, and then changes nothing', () => {
    const first = decision();
    const held = withDecision([], first);
    expect(refuseReview(first, basis({ held }))).toBeNull();
    expect(withDecision(held, first)).toEqual(held);
  });

  it('still, when the same decision comes again after reviews have closed', () => {
    const first = decision();
    expect(refuseReview(first, basis({ held: [first], open: false }))).toBeNull();
  });
});

describe('a review is refused', () => {
  it.each<[string, Partial<Decision>, Partial<ReviewBasis>]>([
    ['closed', {}, { open: false }],
    ['closed', { changeId: 'change-2' }, {}],
    ['stale-plan', { planHash: 'plan-b' }, {}],
    ['stale-plan', {}, { planHash: null }],
    ['own-change', { reviewer: person('requester') }, {}],
    ['own-change', { reviewer: person('editor') }, { excluded: [person('requester'), person('editor')] }],
    ['own-change', { reviewer: person('requester'), ...reject }, {}],
    ['comment-missing', { decision: 'reject' }, {}],
    ['comment-missing', { decision: 'reject', comment: ' \n' }, {}],
    ['already-decided', {}, { held: [decision()] }],
    ['already-decided', reject, { held: [decision(reject)] }],
    ['already-decided', {}, { held: [decision(reject)] }],
  ])('as %s: %j against %j', (refusal, made, against) => {
    expect(refuseReview(decision(made), basis(against))).toBe(refusal);
  });

  it('by issuer and subject as a pair: an equal subject of another issuer is another person', () => {
    const reviewer = { issuer: 'https://other.example', subject: 'requester' };
    expect(refuseReview(decision({ reviewer }), basis())).toBeNull();
  });
});

describe('the standing of reviews', () => {
  it('needs two different people by default', () => {
    expect(standing(defaultRequirements, [])).toMatchObject({ verdict: 'open', missing: [{ count: 2 }] });
    const one = withDecision([], decision());
    expect(standing(defaultRequirements, one)).toMatchObject({ verdict: 'open', missing: [{ count: 1 }] });
    const two = withDecision(one, decision({ reviewer: person('approver-2') }));
    expect(standing(defaultRequirements, two)).toEqual({ verdict: 'approved', missing: [] });
  });

  it('counts one person once, however often the decisions come', () => {
    const held = [decision(), decision(), decision()].reduce<Decision[]>(withDecision, []);
    expect(standing(defaultRequirements, held)).toMatchObject({ missing: [{ count: 1 }] });
    const unmerged = [decision(), decision()];
    expect(standing(defaultRequirements, unmerged)).toMatchObject({
      verdict: 'open',
      missing: [{ count: 1 }],
    });
  });

  it('is rejected by one reject, whatever else was said', () => {
    const held = [
      decision(),
      decision({ reviewer: person('approver-2') }),
      decision({ reviewer: person('approver-3'), ...reject }),
    ];
    expect(standing(defaultRequirements, held).verdict).toBe('rejected');
  });

  it('loses an approve that its author turned into a reject', () => {
    const held = withDecision(withDecision([], decision()), decision(reject));
    expect(held).toHaveLength(1);
    expect(standing(defaultRequirements, held).verdict).toBe('rejected');
  });

  it('lets a person who fits two requirements fill only one of them', () => {
    const requirements = [
      { id: 'network', count: 1, groups: ['network'] },
      { id: 'security', count: 1, groups: ['security'] },
    ];
    const both = decision({ groups: ['network', 'security'] });
    expect(standing(requirements, [both])).toMatchObject({ verdict: 'open', missing: [{ count: 1 }] });
    const network = decision({ reviewer: person('approver-2'), groups: ['network'] });
    expect(standing(requirements, [both, network])).toEqual({ verdict: 'approved', missing: [] });
    expect(standing(requirements, [network, both])).toEqual({ verdict: 'approved', missing: [] });
  });

  it('agrees with trying out every assignment of people to places', () => {
    const groups = fc.subarray(['a', 'b', 'c']);
    const requirements = fc
      .array(fc.record({ count: fc.integer({ min: 0, max: 2 }), groups }), { maxLength: 3 })
      .map((list) => list.map((one, index) => ({ id: `r${index}`, ...one })));
    const people = fc
      .array(groups, { maxLength: 5 })
      .map((list) => list.map((one, index) => decision({ reviewer: person(`p${index}`), groups: one })));
    fc.assert(
      fc.property(requirements, people, (demanded, approvals) => {
        const places = demanded.flatMap((one) => Array.from({ length: one.count }, () => one));
        const missing = standing(demanded, approvals).missing.reduce((sum, gap) => sum + gap.count, 0);
        expect(missing).toBe(places.length - mostFilled(places, approvals));
        expect(standing(demanded, approvals).verdict).toBe(missing === 0 ? 'approved' : 'open');
      }),
      { numRuns: 500 },
    );
  });
});

/** By brute force: the first place stays empty, or is filled by any person that fits. */
function mostFilled([place, ...rest]: readonly Requirement[], people: readonly Decision[]): number {
  if (!place) return 0;
  const fits = (one: Decision): boolean =>
    place.groups.length === 0 || place.groups.some((group) => one.groups.includes(group));
  const filled = people.filter(fits).map(
    (one) =>
      1 +
      mostFilled(
        rest,
        people.filter((other) => other !== one),
      ),
  );
  return Math.max(mostFilled(rest, people), ...filled);
}
