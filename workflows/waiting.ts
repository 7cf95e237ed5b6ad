import { condition } from '@temporalio/workflow';
import { failureOf, patiently, tell, type Acts } from './acts.js';
import { actorName } from './contract.js';
import type { OpenChange } from './open-change.js';
import type { Orders } from './orders.js';
import type { Reviews } from './reviews.js';
import type { Failure } from '../domain/failures.js';

/** First look and first plan, before anybody reviews anything. Says why there is none, or nothing. */
export async function inspect(change: OpenChange, acts: Acts): Promise<Failure[]> {
  const { request, policy } = change.input;
  try {
    const inspected = await patiently(
      () =>
        acts.look.inspect({
          changeId: change.id,
          round: change.round,
          request,
          requirements: policy.requirements,
        }),
      (why) => change.moves('inspecting', { waitingFor: why.message }),
    );
    if (!inspected.ok) return inspected.failures;
    change.adopts(inspected);
    return [];
  } catch (error) {
    return [failureOf(error)];
  }
}

/** Waits until the reviews say yes or no, or nobody answers in time. */
export async function awaitReviews(
  change: OpenChange,
  reviews: Reviews,
  orders: Orders,
): Promise<'approved' | 'rejected' | 'expired' | 'withdrawn'> {
  for (;;) {
    const { counted, standing } = reviews;
    await change.moves('awaiting-review', { standing, failures: change.difference });
    const settled = (): boolean => orders.stopped !== null || reviews.standing.verdict !== 'open';
    await until(() => settled() || reviews.counted > counted, change.clocks.reviewUntil, 'reviews expire');
    if (orders.stopped) return 'withdrawn';
    const { verdict } = reviews.standing;
    if (verdict !== 'open') return verdict;
    if (Date.now() >= change.clocks.reviewUntil) return 'expired';
  }
}

/** Waits for window, freeze and the site's switch. They are asked each time anew, never once for all. */
export async function awaitTurn(
  change: OpenChange,
  reviews: Reviews,
  orders: Orders,
): Promise<'go' | 'rejected' | 'expired' | 'withdrawn'> {
  for (;;) {
    if (orders.withdrawn) return 'withdrawn';
    if (reviews.standing.verdict === 'rejected') return 'rejected';
    orders.siteTurned = false;
    const answer = await mayStart(change);
    if (answer.go) return orders.hold ? heldBack(change, orders) : 'go';
    if (answer.retryInMs === null) return 'expired';
    await change.moves('scheduled', { standing: reviews.standing, waitingFor: answer.why });
    const called = (): boolean =>
      orders.siteTurned || orders.withdrawn !== null || reviews.standing.verdict === 'rejected';
    await until(called, Math.min(Date.now() + answer.retryInMs, change.clocks.executeUntil), answer.why);
  }
}

/** A hold before the first act keeps the change where it is until an operator lets it go on. */
async function heldBack(change: OpenChange, orders: Orders): Promise<'go' | 'expired' | 'withdrawn'> {
  const { by, reason } = orders.hold!;
  await change.moves('scheduled', {
    waitingFor: `held: ${reason}`,
    events: [{ kind: 'change.hold', actor: actorName(by), data: { reason } }],
  });
  const released = (): boolean => orders.hasResolution || orders.withdrawn !== null;
  await until(released, change.clocks.executeUntil, 'held by an operator');
  if (orders.withdrawn) return 'withdrawn';
  if (!orders.hasResolution) return 'expired';
  orders.hold = null;
  return orders.nextResolution().resolution === 'undo' ? 'withdrawn' : 'go';
}

export async function mayStart(
  change: OpenChange,
): Promise<{ go: boolean; retryInMs: number | null; why: string }> {
  const { request } = change.input;
  const { estimateSeconds, undoSeconds } = change.plan!;
  const { executeUntil, planUntil } = change.clocks;
  const neededMs = (estimateSeconds + undoSeconds) * 1000;
  const startBy = Math.min(executeUntil, planUntil);
  return tell.mayStart({ site: request.site, window: request.window, neededMs, startBy });
}

/** Waits for `called` until a moment on the wall clock; true when it was called in time. */
export async function until(called: () => boolean, moment: number, summary: string): Promise<boolean> {
  const left = moment - Date.now();
  return left > 0 ? condition(called, left, { summary }) : called();
}
