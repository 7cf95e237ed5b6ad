import { ApplicationFailure, CancellationScope, condition, setHandler } from '@temporalio/workflow';
import { type ChangeState, isFinal, isWaiting, sameIdentity } from '../domain/change.js';
import {
  actorName,
  cancelUpdate,
  claimsFreedSignal,
  holdUpdate,
  Rejection,
  type ResolveOrder,
  resolveUpdate,
  siteHoldSignal,
  type StopOrder,
  withdrawUpdate,
} from './contract.js';
import type { OpenChange } from './open-change.js';

/** What people tell an open change to do. Orders are noted here; the lifecycle acts on them between steps. */
export class Orders {
  withdrawn: StopOrder | null = null;
  cancelled: StopOrder | null = null;
  hold: StopOrder | null = null;
  /** Turned by the site's switch: whether changes may go on must be asked again. */
  siteTurned = false;
  /** Somebody freed claims: it may be our turn. */
  claimsFreed = false;
  /** Only a change that stands and asks takes a resolution: it is about the half-state its giver saw. */
  private asks = false;
  private resolution: ResolveOrder | null = null;

  constructor(private readonly change: OpenChange) {
    setHandler(withdrawUpdate, (order) => this.note('withdrawn', order), {
      validator: (_order: StopOrder) =>
        this.only(isWaiting(change.state) || (change.state === 'gate' && !change.pastGate), 'withdraw'),
    });
    setHandler(cancelUpdate, (order) => this.note('cancelled', order), {
      validator: (_order: StopOrder) =>
        this.only(
          !isFinal(change.state) && !isWaiting(change.state) && !['undoing', 'parked'].includes(change.state),
          'cancel',
        ),
    });
    setHandler(holdUpdate, (order) => this.note('hold', order), {
      validator: (_order: StopOrder) =>
        this.only(!['verifying', 'undoing', 'held', 'parked', 'closed'].includes(change.state), 'hold'),
    });
    setHandler(resolveUpdate, (order) => this.resolve(order), {
      validator: (order: ResolveOrder) => this.mustResolve(order),
    });
    setHandler(claimsFreedSignal, () => void (this.claimsFreed = true));
    setHandler(siteHoldSignal, () => void (this.siteTurned = true));
    this.listenToTemporal();
  }

  get stopped(): StopOrder | null {
    return this.cancelled ?? this.withdrawn;
  }

  /** Waits for an operator's word, or for something else that settles it (then null). */
  async nextResolution(settled = (): boolean => false): Promise<ResolveOrder | null> {
    this.asks = true;
    this.resolution = null;
    await condition(() => this.resolution !== null || settled());
    this.asks = false;
    return this.resolution;
  }

  /** An operator lets the change go on: what stopped it before no longer counts. */
  forgetStops(): void {
    this.withdrawn = null;
    this.cancelled = null;
    this.hold = null;
  }

  private note(what: 'withdrawn' | 'cancelled' | 'hold', order: StopOrder): ChangeState {
    this[what] = order;
    const { reason } = order;
    const kind = {
      withdrawn: 'change.withdraw-ordered',
      cancelled: 'change.cancel-ordered',
      hold: 'change.hold-ordered',
    };
    this.change.notes({ kind: kind[what], actor: actorName(order.by), data: { reason } });
    return this.change.state;
  }

  private resolve(order: ResolveOrder): ChangeState {
    const { resolution, reason, by, second } = order;
    const data = { resolution, reason, ...(second ? { second: actorName(second) } : {}) };
    this.change.notes({ kind: 'change.resolved', actor: actorName(by), data });
    if (this.asks) this.resolution = order;
    // Before the first act there is nothing to stand and ask for: the hold is lifted, or the change withdrawn.
    else if (resolution === 'undo') this.withdrawn = order;
    else this.hold = null;
    return this.change.state;
  }

  private mustResolve({ resolution, by, second }: ResolveOrder): void {
    const heldBack = this.hold !== null && !this.change.pastGate;
    this.only(heldBack || (this.asks && this.resolution === null), 'resolve');
    if (this.change.state !== 'parked')
      this.only(resolution === 'retry' || resolution === 'undo', `resolve by ${resolution}`);
    const needsSecond = resolution === 'accept' || resolution === 'skip';
    if (needsSecond && (!second || sameIdentity(second.identity, by.identity))) {
      throw ApplicationFailure.nonRetryable(`${resolution} needs a second person`, Rejection.secondPerson);
    }
  }

  /** Nothing is taken any more once the ending is decided, although the claims may still have to be freed. */
  private only(allowed: boolean, what: string): void {
    if (allowed && this.change.result === null) return;
    throw ApplicationFailure.nonRetryable(`can't ${what} while ${this.change.state}`, Rejection.notNow, {
      state: this.change.state,
    });
  }

  /** A cancel in Temporal's own UI is an order like any other: it leads to undo, never to a stop half-way. */
  private listenToTemporal(): void {
    CancellationScope.current().cancelRequested.catch(() => {
      const by = { identity: { issuer: 'temporal', subject: 'operator' }, name: 'Temporal operator' };
      if (!this.cancelled) this.note('cancelled', { by, reason: 'cancelled in Temporal' });
    });
  }
}
