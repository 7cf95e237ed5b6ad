import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ChangeRequest, ChangeResult, ChangeState, Identity } from '../domain/change.js';
import type { Clocks, ClockPolicy } from '../domain/window.js';
import type { Requirement, ReviewStanding, SignedDecision } from '../domain/review.js';

/** Everything that api, worker and tests must spell alike to talk to a change. */
export const workflowTypes = { deviceChange: 'deviceChange' } as const;

export const workflowQueue = 'slipway';

/** Activities that touch the hosts of a site are done by the workers told to serve that site. */
export function siteQueue(site: string): string {
  return `site.${site}`;
}

export function changeWorkflowId(changeId: string): string {
  return `change/${changeId}`;
}

/** What policy froze for this change when it was submitted. */
export interface ChangePolicy {
  requirements: Requirement[];
  clocks: ClockPolicy;
}

/** Input of `deviceChange`; plain data, versioned, since changes wait for weeks. */
export interface DeviceChangeInput {
  version: 1;
  changeId: string;
  request: ChangeRequest;
  requester: Identity;
  /** Everybody who shaped the request: none of them may review it. */
  editors: Identity[];
  policy: ChangePolicy;
}

/** Who gave an order to a change, as the API verified it. */
export interface Actor {
  identity: Identity;
  name: string;
}

/** An actor as the audit chain writes it. */
export function actorName({ identity }: Actor): string {
  return `${identity.issuer}#${identity.subject}`;
}

export interface ReviewAnswer {
  counted: boolean;
  standing: ReviewStanding;
}

export interface StopOrder {
  by: Actor;
  reason: string;
}

export const Resolution = { retry: 'retry', undo: 'undo', accept: 'accept', skip: 'skip' } as const;
export type Resolution = (typeof Resolution)[keyof typeof Resolution];

/** How an operator resolves a parked or held change; `accept` and `skip` need a second person. */
export interface ResolveOrder {
  resolutionId: string;
  resolution: Resolution;
  by: Actor;
  second?: Actor;
  reason: string;
}

export interface ChangeView {
  changeId: string;
  state: ChangeState;
  round: number;
  planHash: string | null;
  standing: ReviewStanding | null;
  clocks: Clocks;
  result: ChangeResult | null;
}

/** A review as an update; its id is the decision id, so that sending it twice counts once. */
export const reviewUpdate = defineUpdate<ReviewAnswer, [SignedDecision]>('review');
/** The same review when no worker answers in time: durable, goes through the same function. */
export const reviewSignal = defineSignal<[SignedDecision]>('reviewLater');
export const withdrawUpdate = defineUpdate<ChangeState, [StopOrder]>('withdraw');
export const cancelUpdate = defineUpdate<ChangeState, [StopOrder]>('cancel');
export const holdUpdate = defineUpdate<ChangeState, [StopOrder]>('hold');
export const resolveUpdate = defineUpdate<ChangeState, [ResolveOrder]>('resolve');
/** Somebody released what this change waits for. */
export const claimsFreedSignal = defineSignal('claimsFreed');
/** The switch of a site was turned: look again whether changes may go on. */
export const siteHoldSignal = defineSignal('siteHold');
export const viewQuery = defineQuery<ChangeView>('view');

/** Search attributes carry opaque ids and states only: Temporal never encrypts them. */
export const searchAttributeNames = {
  state: 'SlipwayState',
  site: 'SlipwaySite',
  host: 'SlipwayHost',
  needsHuman: 'SlipwayNeedsHuman',
} as const;

/** Failure types of rejected updates; the API turns them into problems. */
export const Rejection = {
  notNow: 'slipway/not-now',
  review: 'slipway/review-refused',
  secondPerson: 'slipway/second-person-needed',
} as const;
