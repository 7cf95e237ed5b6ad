import { type Identity, sameIdentity } from './change.js';

/** What policy demands: `count` distinct people, from any of `groups` (empty: anybody who may approve). */
export interface Requirement {
  id: string;
  count: number;
  groups: string[];
}

export const defaultRequirements: Requirement[] = [{ id: 'two-reviewers', count: 2, groups: [] }];

/** One person's decision on one plan, as the API signs it. */
export interface Decision {
  version: 1;
  decisionId: string;
  changeId: string;
  planHash: string;
  decision: 'approve' | 'reject';
  reviewer: Identity;
  /** Display name is not identity: it is shown, never compared. */
  reviewerName: string;
  groups: string[];
  comment?: string;
  decidedAt: string;
}

export interface SignedDecision extends Decision {
  /** Base64url Ed25519 signature over the canonical JSON of everything else. */
  signature: string;
}

export type ReviewRefusal = 'closed' | 'stale-plan' | 'own-change' | 'comment-missing' | 'already-decided';

/** What a review is judged against. */
export interface ReviewBasis {
  open: boolean;
  changeId: string;
  planHash: string | null;
  /** The requester and everybody who edited the request, service accounts included. */
  excluded: readonly Identity[];
  held: readonly Decision[];
}

/**
 * Null when the decision may count. One that is held already is no news, whenever it comes again; what a
 * person decided about another plan does not bind them.
 */
export function refuseReview(decision: Decision, basis: ReviewBasis): ReviewRefusal | null {
  if (basis.held.some((held) => held.decisionId === decision.decisionId)) return null;
  if (!basis.open || decision.changeId !== basis.changeId) return 'closed';
  if (decision.planHash !== basis.planHash) return 'stale-plan';
  if (basis.excluded.some((person) => sameIdentity(person, decision.reviewer))) return 'own-change';
  if (decision.decision === 'reject' && !decision.comment?.trim()) return 'comment-missing';
  const before = basis.held.find(
    ({ planHash, reviewer }) => planHash === decision.planHash && sameIdentity(reviewer, decision.reviewer),
  );
  if (before && before.decision === decision.decision) return 'already-decided';
  if (before?.decision === 'reject') return 'already-decided';
  return null;
}

/** The reviews after this one: a person's later reject replaces the approve. */
export function withDecision<D extends Decision>(held: readonly D[], decision: D): D[] {
  if (held.some((one) => one.decisionId === decision.decisionId)) return [...held];
  return [...held.filter((one) => !sameIdentity(one.reviewer, decision.reviewer)), decision];
}

export interface ReviewStanding {
  verdict: 'approved' | 'rejected' | 'open';
  /** What is still missing, per requirement; empty when approved. */
  missing: { requirement: string; count: number; groups: string[] }[];
}

/**
 * Whether the reviews satisfy all requirements at once, each person counting for one of them only:
 * a matching between people and the places the requirements offer.
 */
export function standing(requirements: readonly Requirement[], reviews: readonly Decision[]): ReviewStanding {
  if (reviews.some((review) => review.decision === 'reject')) return { verdict: 'rejected', missing: [] };
  const approvals = reviews.filter(
    ({ reviewer }, index) => reviews.findIndex((other) => sameIdentity(other.reviewer, reviewer)) === index,
  );
  const places = requirements.flatMap((requirement) =>
    Array.from({ length: requirement.count }, () => requirement),
  );
  const filled = matchPlaces(places, approvals);
  const missing = requirements
    .map((requirement) => ({
      requirement: requirement.id,
      count: places.filter((place, index) => place === requirement && filled[index] === undefined).length,
      groups: requirement.groups,
    }))
    .filter((gap) => gap.count > 0);
  return { verdict: missing.length === 0 ? 'approved' : 'open', missing };
}

function mayFill(place: Requirement, review: Decision): boolean {
  return place.groups.length === 0 || place.groups.some((group) => review.groups.includes(group));
}

/** Kuhn's augmenting paths; index of the approval that fills each place. */
function matchPlaces(places: readonly Requirement[], approvals: readonly Decision[]): (number | undefined)[] {
  const placeOf = new Map<number, number>();
  const fill = (place: number, tried: Set<number>): boolean =>
    approvals.some((approval, person) => {
      if (tried.has(person) || !mayFill(places[place]!, approval)) return false;
      tried.add(person);
      const taken = placeOf.get(person);
      if (taken !== undefined && !fill(taken, tried)) return false;
      placeOf.set(person, place);
      return true;
    });
  places.forEach((_, place) => fill(place, new Set()));
  const filled: (number | undefined)[] = places.map(() => undefined);
  placeOf.forEach((place, person) => (filled[place] = person));
  return filled;
}
