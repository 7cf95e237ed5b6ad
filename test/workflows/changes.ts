import type { ChangeRequest, ChangeResult } from '../../domain/change.js';
import { defaultRequirements } from '../../domain/review.js';
import { defaultClockPolicy } from '../../domain/window.js';
import {
  type Actor,
  cancelUpdate,
  changeWorkflowId,
  type ChangeView,
  type DeviceChangeInput,
  holdUpdate,
  type ResolveOrder,
  resolveUpdate,
  reviewUpdate,
  siteHoldSignal,
  viewQuery,
  withdrawUpdate,
  workflowTypes,
} from '../../workflows/contract.js';
import { card, originOf, request, sibling, vmName } from '../domain/samples.js';
import { type DriverOptions, type UpdateState, WorkflowDriver } from '../support/workflow-driver.js';
import { workflowBundle } from '../support/workflow-driver-bundle.js';
import { person, World } from '../support/workflow-driver-world.js';

export interface Setting extends Partial<DriverOptions> {
  world?: World;
  policy?: Partial<DeviceChangeInput['policy']>;
}

/** A change under test: the workflow, the world it acts in, and what people do to it. */
export class Change {
  private static open: Change[] = [];
  private orders = 0;

  private constructor(
    readonly world: World,
    readonly driver: WorkflowDriver,
    /** Signals to other changes. */
    readonly woken: string[],
  ) {
    Change.open.push(this);
  }

  static async submitted(more: Partial<ChangeRequest> = {}, setting: Setting = {}): Promise<Change> {
    const { world = new World(), policy, ...options } = setting;
    const woken: string[] = [];
    world.now = () => startsAt;
    const driver = await WorkflowDriver.start(await workflowBundle(), {
      workflowType: workflowTypes.deviceChange,
      workflowId: changeWorkflowId('change-1'),
      input: inputOf(more, policy),
      startsAt,
      answer: ({ name, input }) => world.activities[name as keyof World['activities']](input as never),
      tellOther: (workflowId, signal) => void woken.push(`${signal} to ${workflowId}`),
      ...options,
    });
    world.now = () => driver.now;
    return new Change(world, driver, woken);
  }

  /** After each test: a workflow that still runs would keep its memory. */
  static async disposeAll(): Promise<void> {
    for (const change of Change.open.splice(0)) await change.driver.dispose();
  }

  get acts(): string[] {
    return this.world.acts();
  }

  get states(): string[] {
    return this.world.states();
  }

  get state(): string {
    return this.world.lastTold().state;
  }

  get planHash(): string {
    return this.world.lastTold().planHash ?? '';
  }

  async reaches(state: string): Promise<void> {
    await this.driver.until(() => this.world.ledger.length > 0 && this.state === state);
  }

  async settles(): Promise<this> {
    await this.driver.settle();
    return this;
  }

  async ends(): Promise<ChangeResult> {
    return (await this.driver.toEnd()) as ChangeResult;
  }

  async view(): Promise<ChangeView> {
    return this.driver.query(viewQuery);
  }

  approves(by: string): Promise<UpdateState> {
    const decision = this.world.decision(by, this.planHash);
    return this.driver.update(reviewUpdate, decision.decisionId, decision);
  }

  rejects(by: string, comment = 'not this week'): Promise<UpdateState> {
    const decisionId = `${by}/${this.planHash.slice(0, 8)}/reject`;
    const decision = this.world.decision(by, this.planHash, { decisionId, decision: 'reject', comment });
    return this.driver.update(reviewUpdate, decisionId, decision);
  }

  /** Both reviews are on their way; what they set off has not happened yet. */
  async isApproved(): Promise<this> {
    await this.reaches('awaiting-review');
    await this.approves('approver-1');
    const second = this.world.decision('approver-2', this.planHash);
    this.driver.send(reviewUpdate, second.decisionId, second);
    return this;
  }

  order(kind: 'withdraw' | 'cancel' | 'hold', reason = 'because'): Promise<UpdateState> {
    return this.driver.update(stopOrders[kind], this.nextId(), { by: actor('operator-1'), reason });
  }

  /** The same from within an act: delivered with what happens next. */
  slipsIn(kind: 'withdraw' | 'cancel' | 'hold', reason = 'because'): UpdateState {
    return this.driver.send(stopOrders[kind], this.nextId(), { by: actor('operator-1'), reason });
  }

  async resolve(resolution: ResolveOrder['resolution'], second?: string): Promise<UpdateState> {
    const state = this.slipsInResolution(resolution, second);
    await this.driver.settle();
    return state;
  }

  slipsInResolution(resolution: ResolveOrder['resolution'], second?: string): UpdateState {
    const resolutionId = this.nextId();
    return this.driver.send(resolveUpdate, resolutionId, {
      ...{ resolutionId, resolution, by: actor('operator-1'), reason: `resolved by ${resolution}` },
      ...(second ? { second: actor(second) } : {}),
    });
  }

  async turnsSite(hold: string | null): Promise<void> {
    this.world.siteHold = hold;
    this.driver.signal(siteHoldSignal);
    await this.driver.settle();
  }

  private nextId(): string {
    return `order-${(this.orders += 1)}`;
  }
}

export const startsAt = Date.parse('2026-11-22T12:00:00Z');
const stopOrders = { withdraw: withdrawUpdate, cancel: cancelUpdate, hold: holdUpdate };

export function actor(subject: string): Actor {
  return { identity: person(subject), name: subject };
}

export function inputOf(
  more: Partial<ChangeRequest> = {},
  policy: Partial<DeviceChangeInput['policy']> = {},
  changeId = 'change-1',
): DeviceChangeInput {
  return {
    version: 1,
    changeId,
    request: request({ wholeUnit: true, ...more }),
    requester: person('requester'),
    editors: [person('editor')],
    policy: { requirements: defaultRequirements, clocks: defaultClockPolicy, ...policy },
  };
}

/** A world in which the VM holds both functions of the card, and the register knows where they came from. */
export function attachedWorld(): World {
  const world = new World();
  for (const one of world.host.devices) {
    world.origins.set(one.address, originOf(one));
    one.holder = { kind: 'vm', vm: vmName };
  }
  return world;
}

/** The steps of an attach of the two-function card, as the world names them. */
export const steps = {
  dismountCard: `dismount ${card}`,
  dismountSibling: `dismount ${sibling}`,
  attachCard: `attach ${card}`,
  attachSibling: `attach ${sibling}`,
  detachCard: `detach ${card}`,
  detachSibling: `detach ${sibling}`,
  mountCard: `mount ${card}`,
  mountSibling: `mount ${sibling}`,
  quiesce: 'quiesce voip-gateway',
  resume: 'resume voip-gateway',
};
