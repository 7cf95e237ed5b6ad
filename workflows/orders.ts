import { ApplicationFailure, CancellationScope, setHandler } from '@temporalio/workflow';
import { type ChangeState, isFinal, isWaiting, sameIdentity } from '../domain/change.js';
import {
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
  private resolutions: ResolveOrder[] = [];

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
        this.only(!isFinal(change.state) && !['held', 'parked', 'undoing'].includes(change.state), 'hold'),
    });
    setHandler(resolveUpdate, (order) => this.resolve(order), {
      validator: (order) => this.mustResolve(order),
    });
    setHandler(claimsFreedSignal, () => void (this.claimsFreed = true));
    setHandler(siteHoldSignal, () => void (this.siteTurned = true));
    this.listenToTemporal();
  }

  get stopped(): StopOrder | null {
    return this.cancelled ?? this.withdrawn;
  }

  get hasResolution(): boolean {
    return this.resolutions.length > 0;
  }

  nextResolution(): ResolveOrder {
    return this.resolutions.shift()!;
  }

  /** An operator lets the change go on: what stopped it before no longer counts. */
  forgetStops(): void {
    this.cancelled = null;
    this.hold = null;
  }

  private note(what: 'withdrawn' | 'cancelled' | 'hold', order: StopOrder): ChangeState {
    this[what] = order;
    return this.change.state;
  }

  private resolve(order: ResolveOrder): ChangeState {
    this.resolutions.push(order);
    return this.change.state;
  }

  private mustResolve({ resolution, by, second }: ResolveOrder): void {
    const { state } = this.change;
    const heldBack = state === 'scheduled' && this.hold !== null;
    this.only(state === 'parked' || state === 'held' || heldBack, 'resolve');
    if (state !== 'parked')
      this.only(resolution === 'retry' || resolution === 'undo', `resolve by ${resolution}`);
    const needsSecond = resolution === 'accept' || resolution === 'skip';
    if (needsSecond && (!second || sameIdentity(second.identity, by.identity))) {
      throw ApplicationFailure.nonRetryable(`${resolution} needs a second person`, Rejection.secondPerson);
    }
  }

  private only(allowed: boolean, what: string): void {
    if (allowed) return;
    throw ApplicationFailure.nonRetryable(`can't ${what} while ${this.change.state}`, Rejection.notNow, {
      state: this.change.state,
    });
  }

  /** A cancel in Temporal's own UI is an order like any other: it leads to undo, never to a stop half-way. */
  private listenToTemporal(): void {
    CancellationScope.current().cancelRequested.catch(() => {
      const by = { identity: { issuer: 'temporal', subject: 'operator' }, name: 'Temporal operator' };
      this.cancelled ??= { by, reason: 'cancelled in Temporal' };
    });
  }
}
