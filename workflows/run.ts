import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { ActInput, Touch } from '../activities/index.js';
import { type Failure, failure } from '../domain/failures.js';
import type { PlannedAct, Step } from '../domain/plan.js';
import { type Acts, failureOf, patiently, tell } from './acts.js';
import type { OpenChange } from './open-change.js';
import type { Orders } from './orders.js';
import { mayStart } from './waiting.js';

export type RunAnswer =
  { verdict: 'done' } | { verdict: 'held'; why: string } | { verdict: 'undo'; failure: Failure | null };

/** Does the plan's steps in order, those already done left out. Between two steps people may stop it. */
export async function runSteps(change: OpenChange, orders: Orders, acts: Acts): Promise<RunAnswer> {
  await change.moves('running');
  for (const step of change.steps) {
    if (change.done.includes(step.name) || (step.onlyAfterEscalation && !change.escalated)) continue;
    if (orders.stopped) return { verdict: 'undo', failure: null };
    const hold = await heldBy(change, orders);
    if (hold) return { verdict: 'held', why: hold };
    const failed = await runStep(change, orders, step, acts);
    if (failed) return { verdict: 'undo', failure: failed };
    change.finishes(step.name);
  }
  return orders.stopped ? { verdict: 'undo', failure: null } : { verdict: 'done' };
}

async function heldBy(change: OpenChange, orders: Orders): Promise<string | null> {
  if (orders.hold) return orders.hold.reason;
  if (!orders.siteTurned) return null;
  orders.siteTurned = false;
  const answer = await mayStart(change);
  return answer.go ? null : answer.why;
}

/** What is needed to undo the step is known before it begins: a lost reply may hide a done deed. */
async function runStep(change: OpenChange, orders: Orders, step: Step, acts: Acts): Promise<Failure | null> {
  change.begins(step.name);
  const limit = step.limitSeconds;
  const doIt = (planned: PlannedAct, direction: Direction): Promise<unknown> =>
    patiently(
      () =>
        perform(acts.touch(limit, `${direction}: ${step.name}`), orderFor(change, step, planned, direction)),
      (why) => change.moves('running', { waitingFor: why.message }),
      { calledOff: () => orders.stopped !== null },
    );
  try {
    await escalating(
      change,
      step.escalation,
      () => doIt(step.forward, 'forward'),
      (planned) => doIt(planned, 'escalation'),
    );
    return null;
  } catch (error) {
    return observed(failureOf(error), step, change, acts);
  }
}

/** When nobody knows whether it happened, look. Found done or not, the change turns back: its host loses replies. */
async function observed(failed: Failure, step: Step, change: OpenChange, acts: Acts): Promise<Failure> {
  if (failed.reason !== 'outcome-unknown') return failed;
  try {
    const { reached } = await acts.look.observe({ host: change.input.request.host, act: step.forward.act });
    return failure('outcome-unknown', {
      where: { host: change.input.request.host, ...failed.where },
      expected: step.name,
      actual: `observed: ${{ yes: 'it has happened', no: 'it has not happened', unknown: 'can’t be told' }[reached]}`,
      ...(failed.cause ? { cause: failed.cause } : {}),
    });
  } catch {
    return failed;
  }
}

export type Direction = 'forward' | 'undo' | 'escalation';

export function orderFor(
  change: OpenChange,
  step: { name: string; limitSeconds: number },
  planned: PlannedAct,
  direction: Direction,
): ActInput {
  return {
    changeId: change.id,
    round: change.round,
    run: change.run,
    step: step.name,
    direction,
    epoch: change.epoch,
    sequence: change.nextOrder(),
    hostIdentity: change.plan!.basis.hostIdentity,
    limitSeconds: step.limitSeconds,
    act: planned.act,
    commands: planned.commands,
  };
}

/** One act; an outcome which the register could not take when it happened is brought there now. */
export async function perform(touch: ActivityInterfaceFor<Touch>, order: ActInput): Promise<void> {
  const { unrecorded } = await touch.act(order);
  if (unrecorded) await tell.recordOutcome(unrecorded);
}

/** If the guest does not let go, the reviewed escalation is done once, and then the same act again. */
export async function escalating(
  change: OpenChange,
  escalation: readonly PlannedAct[],
  act: () => Promise<unknown>,
  escalate: (planned: PlannedAct) => Promise<unknown>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (failureOf(error).reason !== 'detach-pending' || escalation.length === 0) throw error;
    change.escalated = true;
    for (const planned of escalation) await escalate(planned);
    await act();
  }
}
