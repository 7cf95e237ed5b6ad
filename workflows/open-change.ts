import { ApplicationFailure, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { ClaimWish, Inspected, Telling } from '../activities/index.js';
import { claimKeys, type Fact } from '../domain/act.js';
import type { HalfState } from '../domain/half-state.js';
import { type ChangeResult, type ChangeState, type Ending, mayMove } from '../domain/change.js';
import type { Failure } from '../domain/failures.js';
import { type Plan, planActs, type Step } from '../domain/plan.js';
import type { ReviewStanding } from '../domain/review.js';
import type { Clocks } from '../domain/window.js';
import { tell } from './acts.js';
import { type ChangeView, type DeviceChangeInput, searchAttributeNames } from './contract.js';

const stateAttribute = defineSearchAttributeKey(searchAttributeNames.state, 'KEYWORD');
const needsHumanAttribute = defineSearchAttributeKey(searchAttributeNames.needsHuman, 'BOOL');

export interface StoryEvent {
  kind: string;
  actor: string;
  data?: Record<string, unknown>;
}

/** What there is to say about a state beside its name. */
export interface Story {
  events?: StoryEvent[];
  failures?: Failure[];
  standing?: ReviewStanding;
  halfState?: HalfState;
  waitingFor?: string;
}

/** A change while it is open: plain data about where it stands, and the one way to move it. */
export class OpenChange {
  state: ChangeState = 'inspecting';
  round = 1;
  plan: Plan | null = null;
  planHash: string | null = null;
  /** Why the plan under review is another than the one before. */
  difference: Failure[] = [];
  /** Set by the gate: from here on no review counts any more, and stopping means undo. */
  pastGate = false;
  /** The newest epoch of the claim; 0 while nothing is claimed. */
  epoch = 0;
  /** Names of the plan's steps, in the order in which they were begun or done. */
  readonly begun: string[] = [];
  readonly done: string[] = [];
  /** Inverses that two people decided to leave out. */
  readonly skipped: string[] = [];
  /** An escalation has cut the VM's power, and it must come back. */
  escalated = false;
  /** Counts runs through the gate: an operator's retry is a new try of the remaining steps. */
  run = 0;
  before: Fact[] = [];
  result: ChangeResult | null = null;
  readonly clocks: Clocks;
  /** What people did since the last telling. */
  private noted: StoryEvent[] = [];
  private told = 0;
  private ordered = 0;

  constructor(readonly input: DeviceChangeInput) {
    const { reviewExpiryMs, executionExpiryMs, planAgeMs, leaseLimitMs } = input.policy.clocks;
    const now = Date.now();
    const lease = input.request.lease && Date.parse(input.request.lease.until);
    this.clocks = {
      reviewUntil: now + reviewExpiryMs,
      executeUntil: this.mayStartFrom() + executionExpiryMs,
      planUntil: this.mayStartFrom() + planAgeMs,
      ...(lease ? { leaseUntil: lease } : {}),
      leaseLimit: now + leaseLimitMs,
    };
  }

  /** Whoever reviews a plan for a window three weeks ahead means that window: no clock of the run ends before it opens. */
  private mayStartFrom(): number {
    const { window } = this.input.request;
    return Math.max(Date.now(), window ? Date.parse(window.from) : 0);
  }

  get id(): string {
    return this.input.changeId;
  }

  get steps(): Step[] {
    return this.plan?.steps ?? [];
  }

  /** Every key the plan may touch, forward or back. */
  get keys(): string[] {
    return this.plan ? claimKeys(this.plan.basis.hostIdentity, planActs(this.plan)) : [];
  }

  get claim(): ClaimWish {
    const hostShare = { host: this.plan!.basis.hostIdentity, exclusive: false };
    return { changeId: this.id, keys: this.keys, hostShare };
  }

  get fence(): { epoch: number; keys: string[]; hostIdentity: string } {
    return { epoch: this.epoch, keys: this.keys, hostIdentity: this.plan!.basis.hostIdentity };
  }

  /** The number of the next order: grows with each, so that the guard can tell an older one. */
  nextOrder(): number {
    return (this.ordered += 1);
  }

  adopts(inspected: Inspected & { ok: true }): void {
    this.plan = inspected.plan;
    this.planHash = inspected.planHash;
    const { planAgeMs, reviewExpiryMs } = this.input.policy.clocks;
    this.clocks.planUntil = this.mayStartFrom() + planAgeMs;
    this.clocks.reviewUntil = Date.now() + reviewExpiryMs;
  }

  begins(step: string): void {
    if (!this.begun.includes(step)) this.begun.push(step);
    this.showDetails();
  }

  finishes(step: string): void {
    this.done.push(step);
    this.showDetails();
  }

  /** Keeps an event for the next telling: orders come in between two of them. */
  notes(event: StoryEvent): void {
    this.noted.push(event);
  }

  skips(unproven: { step: string }[]): void {
    this.skipped.push(...unproven.map(({ step }) => step));
  }

  /** Before a retry: what was proven back is to do again; what could not be proven is begun and not done. */
  forgetsUndone(halfState: { proven: string[]; unproven: { step: string }[] }): void {
    const unproven = halfState.unproven.map(({ step }) => step);
    remove(this.done, (name) => halfState.proven.includes(name) || unproven.includes(name));
    remove(this.begun, (name) => halfState.proven.includes(name));
  }

  /** Moves to a state (or stays) and tells the register, the audit chain and Temporal's own pages. */
  async moves(state: ChangeState, story: Story = {}): Promise<void> {
    await tell.recordProgress(this.movesWith(state, story));
  }

  /** The same when something else goes to the register right away: its activity takes the telling along. */
  movesWith(state: ChangeState, story: Story = {}): Telling {
    if (state !== this.state && !mayMove(this.state, state)) {
      throw ApplicationFailure.nonRetryable(
        `a change can't move from ${this.state} to ${state}`,
        'slipway/defect',
      );
    }
    const moved = state !== this.state;
    this.state = state;
    if (moved) this.showState();
    this.showDetails(story.waitingFor);
    this.told += 1;
    const { standing, ...shown } = story;
    const events = [
      ...this.noted.splice(0),
      ...(moved ? [{ kind: `change.${state}`, actor: 'slipway' }] : []),
      ...(story.events ?? []),
    ];
    return {
      changeId: this.id,
      sequence: this.told,
      at: new Date(Date.now()).toISOString(),
      state,
      round: this.round,
      clocks: this.clocks,
      ...(this.planHash ? { planHash: this.planHash } : {}),
      ...(state === 'closed' ? { ...this.result } : {}),
      ...(standing ? { missing: standing.missing } : {}),
      ...shown,
      asked: { request: this.input.request, requester: this.input.requester, editors: this.input.editors },
      events: events.map((event, index) => ({
        data: {},
        ...event,
        key: `${this.told}.${index}/${event.kind}`,
      })),
    };
  }

  async closes(ending: Ending, more: Omit<ChangeResult, 'ending'> & Story = {}): Promise<ChangeResult> {
    await tell.recordProgress(this.closesWith(ending, more));
    return this.result!;
  }

  closesWith(ending: Ending, more: Omit<ChangeResult, 'ending'> & Story = {}): Telling {
    const { failure, restored, ...story } = more;
    this.result = {
      ending,
      ...(failure ? { failure } : {}),
      ...(restored === undefined ? {} : { restored }),
    };
    return this.movesWith('closed', {
      ...story,
      ...(failure ? { failures: [failure] } : {}),
      events: [
        ...(story.events ?? []),
        { kind: `change.${ending}`, actor: 'slipway', data: { ...this.result } },
      ],
    });
  }

  view(standing: ReviewStanding | null): ChangeView {
    const { id: changeId, state, round, planHash, clocks, result } = this;
    return { changeId, state, round, planHash, standing, clocks, result };
  }

  /** For filters in Temporal's own UI. */
  private showState(): void {
    upsertSearchAttributes([
      { key: stateAttribute, value: this.state },
      { key: needsHumanAttribute, value: this.state === 'parked' || this.state === 'held' },
    ]);
  }

  /** So that an SRE needs nothing but Temporal's own UI to see what happens. No names, no secrets. */
  private showDetails(waitingFor?: string): void {
    const mark = (step: Step): string =>
      this.done.includes(step.name) ? 'done' : this.begun.includes(step.name) ? 'begun' : 'to do';
    const rows = this.steps.map((step) => `| ${step.name} | ${mark(step)} |`);
    setCurrentDetails(
      [
        `**${this.state}**, round ${this.round}, plan \`${this.planHash ?? 'none'}\``,
        ...(waitingFor ? ['', waitingFor] : []),
        '',
        '| step | |',
        '|---|---|',
        ...rows,
      ].join('\n'),
    );
  }
}

function remove(list: string[], leaves: (item: string) => boolean): void {
  list.splice(0, list.length, ...list.filter((item) => !leaves(item)));
}
