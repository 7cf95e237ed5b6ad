import { getExternalWorkflowHandle } from '@temporalio/workflow';
import type { Telling } from '../activities/index.js';
import type { Ending } from '../domain/change.js';
import { type Failure, failure } from '../domain/failures.js';
import { type Acts, failureOf, hostBackWithinMs, patiently, tell } from './acts.js';
import { changeWorkflowId, claimsFreedSignal } from './contract.js';
import type { OpenChange } from './open-change.js';
import type { Orders } from './orders.js';
import type { Reviews } from './reviews.js';
import { isOver, mayStart, until } from './waiting.js';

export type GateAnswer =
  | { verdict: 'open' }
  /** Nothing was touched: the claims are free again and the change waits where it belongs. */
  | { verdict: 'wait' }
  | { verdict: 'closes'; ending: Ending; failures: Failure[] };

/** A claim may end in a way that wakes no one: so look again now and then, ever less often. */
const lookInLine = { firstMs: 60_000, mostMs: 3_600_000 };

/**
 * The checks between waiting and the first act, in this order: claim, fence, inspect and plan again, same
 * hash, reviews, window. Any no gives the claims back.
 */
export async function passGate(
  change: OpenChange,
  reviews: Reviews,
  orders: Orders,
  acts: Acts,
): Promise<GateAnswer> {
  const turnedAway = (): GateAnswer | null => whyNotNow(change, reviews, orders);
  const claimed = await claimInTurn(change, orders, turnedAway);
  if (claimed.verdict !== 'open') return claimed;

  const { request, policy } = change.input;
  const notice = (why: Failure): Promise<void> => change.moves('gate', { waitingFor: why.message });
  try {
    const again = await patiently(
      () =>
        acts.look.inspectAgain({
          changeId: change.id,
          round: change.round,
          request,
          requirements: policy.requirements,
          fence: change.fence,
          planHash: change.planHash!,
        }),
      notice,
      { calledOff: () => turnedAway() !== null, hostAwayMs: Infinity },
    );
    if (!again.ok)
      return await leave(change, { verdict: 'closes', ending: 'refused', failures: again.failures });
    if (again.planHash !== change.planHash) return await replanned(change, again);
    change.before = again.before;
  } catch (error) {
    const failures = [failureOf(error)];
    return leave(change, turnedAway() ?? { verdict: 'closes', ending: 'refused', failures });
  }
  const turn = await mayStart(change);
  // The last look, with nothing between it and the first act: a review may have been turned meanwhile.
  const away = turnedAway() ?? (turn.go ? null : { verdict: 'wait' as const });
  if (away) return leave(change, away);
  change.pastGate = true;
  return { verdict: 'open' };
}

/** What people, or the clock, have decided since the change came to the gate. */
function whyNotNow(change: OpenChange, reviews: Reviews, orders: Orders): GateAnswer | null {
  if (orders.stopped) return { verdict: 'closes', ending: 'withdrawn', failures: [] };
  if (reviews.standing.verdict !== 'approved' || orders.hold) return { verdict: 'wait' };
  return isOver(change) ? { verdict: 'closes', ending: 'expired', failures: [] } : null;
}

/** Comes to the gate and claims everything the plan may touch, or waits in line for it. */
async function claimInTurn(
  change: OpenChange,
  orders: Orders,
  turnedAway: () => GateAnswer | null,
): Promise<GateAnswer> {
  let telling: Telling | undefined = change.movesWith('gate');
  for (let pause = lookInLine.firstMs; ; pause = Math.min(2 * pause, lookInLine.mostMs)) {
    orders.claimsFreed = false;
    const answer = await tell.claim({ ...change.claim, telling });
    telling = undefined;
    if (answer.granted) {
      change.epoch = answer.epoch;
      return { verdict: 'open' };
    }
    if (answer.quarantined.length > 0)
      return { verdict: 'closes', ending: 'refused', failures: quarantineFailures(answer.quarantined) };
    const holders = answer.heldBy.map(({ key, changeId }) => `${key} is held by ${changeId}`).join('; ');
    await change.moves('gate', { waitingFor: failure('claimed-elsewhere', { actual: holders }).message });
    const called = (): boolean => orders.claimsFreed || turnedAway() !== null;
    await until(called, Math.min(Date.now() + pause, change.clocks.executeUntil), 'waits for a claim');
    const away = turnedAway();
    if (away) return leave(change, away);
  }
}

function quarantineFailures(quarantined: { key: string; changeId: string; why: string }[]): Failure[] {
  return quarantined.map(({ key, changeId, why }) =>
    failure('device-quarantined', { actual: `${key} by change ${changeId}: ${why}` }),
  );
}

/** The world has changed: what was reviewed is not what would run. A new round with the new plan. */
async function replanned(
  change: OpenChange,
  again: Parameters<OpenChange['adopts']>[0],
): Promise<GateAnswer> {
  await release(change);
  const before = change.planHash;
  change.round += 1;
  change.adopts(again);
  change.difference = [
    failure('plan-changed', { expected: `plan ${before}`, actual: `plan ${again.planHash}` }),
  ];
  const data = { before, after: change.planHash, round: change.round };
  await change.moves('awaiting-review', {
    failures: change.difference,
    events: [{ kind: 'change.replanned', actor: 'slipway', data }],
  });
  return { verdict: 'wait' };
}

async function leave(change: OpenChange, answer: GateAnswer): Promise<GateAnswer> {
  await release(change);
  return answer;
}

/**
 * Before a parked or held change goes on: window and site must allow it, and what was done must still be so,
 * for it is what the remaining steps of the reviewed plan stand on. The claims were never given up.
 */
export async function passGateAgain(change: OpenChange, acts: Acts): Promise<Failure[]> {
  await change.moves('gate');
  const turn = await mayStart(change);
  if (!turn.go)
    return [failure('window-closed', { where: { host: change.input.request.host }, actual: turn.why })];
  const standing = change.steps.filter(
    (step) => change.done.includes(step.name) && !step.onlyAfterEscalation,
  );
  try {
    change.epoch = await tell.raiseEpoch(change.claim);
    change.run += 1;
    return await patiently(
      () =>
        acts.look.stillStands({
          host: change.input.request.host,
          acts: standing.map((step) => step.forward.act),
          fence: change.fence,
        }),
      (why) => change.moves('gate', { waitingFor: why.message }),
      { hostAwayMs: hostBackWithinMs },
    );
  } catch (error) {
    return [failureOf(error)];
  }
}

/** Frees the claims and wakes those who waited for them. */
export async function release(change: OpenChange, telling?: Telling): Promise<void> {
  const { wake } = await tell.release({ changeId: change.id, forget: provenHome(change), telling });
  change.epoch = 0;
  const signals = wake.map((id) => getExternalWorkflowHandle(changeWorkflowId(id)).signal(claimsFreedSignal));
  // One that has ended meanwhile needs no waking.
  await Promise.allSettled(signals);
}

function provenHome(change: OpenChange): { hostIdentity: string; addresses: string[] } | null {
  const home = change.input.request.action === 'return' ? 'succeeded' : 'undone';
  if (!change.plan || change.result?.ending !== home) return null;
  const { hostIdentity, devices } = change.plan.basis;
  return { hostIdentity, addresses: devices.map((device) => device.address) };
}
