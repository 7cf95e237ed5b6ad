import type { DeviceMode, Fingerprint } from './device.js';
import type { Failure } from './failures.js';

export const Action = { attach: 'attach', return: 'return', move: 'move', adopt: 'adopt' } as const;
export type Action = (typeof Action)[keyof typeof Action];

export const ChangeClass = { normal: 'normal', standard: 'standard', emergency: 'emergency' } as const;
export type ChangeClass = (typeof ChangeClass)[keyof typeof ChangeClass];

/** A person or program, as the issuer names it. Compared as a pair, never by mail address. */
export interface Identity {
  issuer: string;
  subject: string;
}

export function sameIdentity(a: Identity, b: Identity): boolean {
  return a.issuer === b.issuer && a.subject === b.subject;
}

export interface RequestedDevice {
  /** Where it is now. An alias is resolved to an address before the request reaches the workflow. */
  address: string;
  alias?: string;
  mode: DeviceMode;
  fingerprint?: Partial<Fingerprint>;
}

/** The input of a change. Times are RFC 3339. */
export interface ChangeRequest {
  action: Action;
  host: string;
  site: string;
  vm: string;
  from?: string;
  devices: RequestedDevice[];
  /** Consent that the unit's other members leave the host too. */
  wholeUnit: boolean;
  powerOff: 'allowed' | 'never';
  onUnhealthy: 'undo' | 'keep';
  window?: { from: string; to: string };
  lease?: { until: string };
  class: ChangeClass;
  reason: string;
  ticket?: string;
}

/** Where a change stands. `closed` carries an ending; `held` and `parked` wait for a person. */
export const ChangeState = {
  inspecting: 'inspecting',
  awaitingReview: 'awaiting-review',
  scheduled: 'scheduled',
  gate: 'gate',
  running: 'running',
  verifying: 'verifying',
  undoing: 'undoing',
  held: 'held',
  parked: 'parked',
  closed: 'closed',
} as const;
export type ChangeState = (typeof ChangeState)[keyof typeof ChangeState];

export const Ending = {
  succeeded: 'succeeded',
  refused: 'refused',
  rejected: 'rejected',
  expired: 'expired',
  withdrawn: 'withdrawn',
  undone: 'undone',
  closedByOperator: 'closed-by-operator',
} as const;
export type Ending = (typeof Ending)[keyof typeof Ending];

/** The one table of moves; everything else is a defect. */
export const transitions: Record<ChangeState, readonly ChangeState[]> = {
  inspecting: ['awaiting-review', 'closed'],
  'awaiting-review': ['scheduled', 'gate', 'closed'],
  scheduled: ['gate', 'closed'],
  gate: ['running', 'awaiting-review', 'parked', 'undoing', 'closed'],
  running: ['verifying', 'held', 'undoing'],
  verifying: ['closed', 'undoing'],
  undoing: ['closed', 'parked'],
  held: ['gate', 'undoing'],
  parked: ['gate', 'undoing', 'closed'],
  closed: [],
};

export function mayMove(from: ChangeState, to: ChangeState): boolean {
  return transitions[from].includes(to);
}

export function isFinal(state: ChangeState): boolean {
  return state === ChangeState.closed;
}

/** Before the first act a change can simply be withdrawn; afterwards stopping it means undo. */
export function isWaiting(state: ChangeState): boolean {
  return state === 'inspecting' || state === 'awaiting-review' || state === 'scheduled';
}

/** How a change ended, and why if it did not simply succeed. */
export interface ChangeResult {
  ending: Ending;
  failure?: Failure;
  /** True when what was touched is proven back to where it was. */
  restored?: boolean;
}
