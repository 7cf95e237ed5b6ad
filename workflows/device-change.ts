import { allHandlersFinished, CancellationScope, condition, setHandler } from '@temporalio/workflow';
import type { ChangeResult } from '../domain/change.js';
import type { Failure } from '../domain/failures.js';
import { halfStateOf, type UndoResidue } from '../domain/half-state.js';
import { type Acts, actsOf, tell } from './acts.js';
import { type DeviceChangeInput, type ResolveOrder, viewQuery } from './contract.js';
import { passGate, passGateAgain, release } from './gate.js';
import { OpenChange } from './open-change.js';
import { Orders } from './orders.js';
import { Reviews } from './reviews.js';
import { runSteps } from './run.js';
import { undo } from './undo.js';
import { verify } from './verify.js';
import { awaitReviews, awaitTurn, inspect, mayStart } from './waiting.js';

/** The life of a change, from the first look at the host to its one ending. */
export async function deviceChange(input: DeviceChangeInput): Promise<ChangeResult> {
  const change = new OpenChange(input);
  const reviews = new Reviews(change);
  const orders = new Orders(change);
  setHandler(viewQuery, () => change.view(reviews.standing));

  // A device half-way between host and VM can't be left alone: a cancel arrives as an order and is undone.
  return CancellationScope.nonCancellable(async () => {
    const result = await live(change, reviews, orders, actsOf(input.request.site));
    await condition(allHandlersFinished);
    return result;
  });
}

async function live(change: OpenChange, reviews: Reviews, orders: Orders, acts: Acts): Promise<ChangeResult> {
  const refusals = await inspect(change, orders, acts);
  if (orders.stopped) return change.closes('withdrawn');
  if (refusals.length > 0) return change.closes('refused', { failures: refusals, failure: refusals[0] });

  for (;;) {
    const reviewed = await awaitReviews(change, reviews, orders);
    if (reviewed !== 'approved') return change.closes(reviewed);

    const turn = await awaitTurn(change, reviews, orders);
    if (turn !== 'go') return change.closes(turn);

    const gate = await passGate(change, reviews, orders, acts);
    if (gate.verdict === 'closes')
      return change.closes(gate.ending, { failures: gate.failures, failure: gate.failures[0] });
    if (gate.verdict === 'open') return carryOut(change, orders, acts);
  }
}

/** From the first act on there are two ways out: the goal is proven, or everything is proven back. Else it is parked. */
async function carryOut(change: OpenChange, orders: Orders, acts: Acts): Promise<ChangeResult> {
  for (;;) {
    const run = await runSteps(change, orders, acts);
    let cause = run.verdict === 'undo' ? run.failure : null;

    if (run.verdict === 'done') {
      const failures = await verify(change, acts);
      if (failures.length === 0 && !orders.stopped) return ends(change, 'succeeded');
      cause = failures[0] ?? null;
    }
    if (run.verdict === 'held') {
      const objections = await held(change, orders, acts, run.why);
      if (objections.length === 0 && !orders.stopped) continue;
      cause = objections[0] ?? null;
    }

    const next = await turnBack(change, orders, acts, cause);
    if (next !== 'go-on') return next;
  }
}

/** Undoes until it is proven; as long as it is not, the change is parked and people say how it goes on. */
async function turnBack(
  change: OpenChange,
  orders: Orders,
  acts: Acts,
  cause: Failure | null,
): Promise<ChangeResult | 'go-on'> {
  let undone = await undo(change, acts, cause);
  let objections: Failure[] = [];
  for (;;) {
    if (undone.proven) return ends(change, 'undone', cause);
    const order = await parked(change, orders, undone.residue, [...(cause ? [cause] : []), ...objections]);
    if (order.resolution === 'accept') return ends(change, 'closed-by-operator', cause);
    if (order.resolution === 'skip') change.skips(undone.residue.unproven);
    if (order.resolution !== 'retry') {
      undone = await undo(change, acts, cause);
      continue;
    }
    change.forgetsUndone(undone.residue);
    orders.forgetStops();
    objections = await passGateAgain(change, acts);
    if (objections.length === 0) return 'go-on';
  }
}

async function parked(
  change: OpenChange,
  orders: Orders,
  residue: UndoResidue,
  causes: Failure[],
): Promise<ResolveOrder> {
  const why = causes[0]?.message ?? 'the undo could not be proven';
  await tell.quarantine({ changeId: change.id, keys: change.keys, why });
  const failures = [...causes, ...residue.unproven.map(({ failure }) => failure)];
  await change.moves('parked', { failures, halfState: halfStateOf(change.plan!, residue) });
  const order = (await orders.nextResolution())!;
  await tell.endQuarantine({ keys: change.keys, reason: `resolved by ${order.resolution}: ${order.reason}` });
  await change.moves('parked');
  return order;
}

/**
 * After the step that was under way: waits until an operator, or the site's switch, lets it go on or turn back.
 * Gives what stands against going on; window and switch only keep it waiting.
 */
async function held(change: OpenChange, orders: Orders, acts: Acts, why: string): Promise<Failure[]> {
  for (let waitingFor = why; ;) {
    await change.moves('held', { waitingFor });
    const order = await orders.nextResolution(
      () => orders.stopped !== null || (orders.hold === null && orders.siteTurned),
    );
    if (order?.resolution === 'undo') orders.cancelled = order;
    if (orders.stopped) return [];
    if (order) orders.hold = null;
    orders.siteTurned = false;
    const turn = await mayStart(change);
    if (turn.go) return passGateAgain(change, acts);
    waitingFor = turn.why;
  }
}

async function ends(
  change: OpenChange,
  ending: 'succeeded' | 'undone' | 'closed-by-operator',
  failure?: Failure | null,
): Promise<ChangeResult> {
  const closed = change.closesWith(ending, {
    ...(failure ? { failure } : {}),
    ...(ending === 'undone' ? { restored: true } : {}),
  });
  await release(change, closed);
  return change.result!;
}
