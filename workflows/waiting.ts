import { condition } from '@temporalio/workflow';
import { failureOf, patiently, tell, type Acts } from './acts.js';
import type { StopOrder } from './contract.js';
import type { OpenChange } from './open-change.js';
import type { Orders } from './orders.js';
import type { Reviews } from './reviews.js';
import type { Tell } from '../activities/index.js';
import type { Failure } from '../domain/failures.js';

/** First look and first plan, before anybody reviews anything. Says why there is none, or nothing. */
export async function inspect(change: OpenChange, orders: Orders, acts: Acts): Promise<Failure[]> {
  const { request, policy } = change.input;
  const calledOff = (): boolean => orders.stopped !== null || isOver(change);
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
      { calledOff },
    );
    if (!inspected.ok) return inspected.failures;
    change.adopts(inspected);
    return [];
  } catch (error) {
    return [failureOf(error)];
  }
}

/** Waits until the reviews say yes or no, or nobody answers in time. Each review that comes tells what is still missing. */
export async function awaitReviews(
  change: OpenChange,
  reviews: Reviews,
  orders: Orders,
): Promise<'approved' | 'rejected' | 'expired' | 'withdrawn'> {
  await change.moves('awaiting-review', { standing: reviews.standing, failures: change.difference });
  const settled = (): boolean => orders.stopped !== null || reviews.standing.verdict !== 'open';
  await until(settled, change.clocks.reviewUntil, 'reviews expire');
  if (orders.stopped) return 'withdrawn';
  const { verdict } = reviews.standing;
  return verdict === 'open' ? 'expired' : verdict;
}

/** Waits for window, freeze and the site's switch. They are asked each time anew, never once for all. */
export async function awaitTurn(
  change: OpenChange,
  reviews: Reviews,
  orders: Orders,
): Promise<'go' | 'rejected' | 'expired' | 'withdrawn'> {
  for (;;) {
    if (orders.stopped) return 'withdrawn';
    if (reviews.standing.verdict === 'rejected') return 'rejected';
    if (isOver(change)) return 'expired';
    orders.siteTurned = false;
    const { hold } = orders;
    const answer = hold ? heldBack(change, hold) : await mayStart(change);
    if (answer.go && orders.hold) continue;
    if (answer.go) return 'go';
    if (answer.retryInMs === null) return 'expired';
    await change.moves('scheduled', { standing: reviews.standing, waitingFor: answer.why });
    const called = (): boolean =>
      orders.siteTurned ||
      orders.hold !== hold ||
      orders.stopped !== null ||
      reviews.standing.verdict === 'rejected';
    await until(called, Math.min(Date.now() + answer.retryInMs, change.clocks.executeUntil), answer.why);
  }
}

/** A hold before the first act keeps the change where it is until an operator lets it go on. */
function heldBack({ clocks }: OpenChange, { reason }: StopOrder): TurnAnswer {
  return { go: false, retryInMs: clocks.executeUntil - Date.now(), why: `held: ${reason}` };
}

/** The time in which the first act must have happened is over. */
export function isOver(change: OpenChange): boolean {
  return Date.now() >= change.clocks.executeUntil;
}

export type TurnAnswer = Awaited<ReturnType<Tell['mayStart']>>;

/** Asks window, freeze and the site's switch, for the steps that are still ahead and the undo of all. */
export async function mayStart(change: OpenChange): Promise<TurnAnswer> {
  const { request } = change.input;
  const { executeUntil, planUntil } = change.clocks;
  const ahead = change.steps.filter((step) => !change.done.includes(step.name) && !step.onlyAfterEscalation);
  const seconds = ahead.reduce((sum, step) => sum + step.typicalSeconds, change.plan!.undoSeconds);
  const neededMs = seconds * 1000;
  // Once begun it may take its time.
  const startBy = change.pastGate ? Number.MAX_SAFE_INTEGER : Math.min(executeUntil, planUntil);
  return tell.mayStart({ site: request.site, window: request.window, neededMs, startBy });
}

/** Waits for `called` until a moment on the wall clock; true when it was called in time. */
export async function until(called: () => boolean, moment: number, summary: string): Promise<boolean> {
  const left = moment - Date.now();
  return left > 0 ? condition(called, left, { summary }) : called();
}
