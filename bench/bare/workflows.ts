import { ApplicationFailure, condition, proxyActivities, setHandler } from '@temporalio/workflow';
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { ActInput, Tell } from '../../activities/index.js';
import { claimKeys } from '../../domain/act.js';
import { type Plan, planActs, type Step } from '../../domain/plan.js';
import { defaultRequirements } from '../../domain/review.js';
import { actsOf, tell } from '../../workflows/acts.js';
import { type Approval, approveUpdate, type BareInput, bareSite, plannedUpdate } from './contract.js';

const tellPlainly = proxyActivities<Tell>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

/** B0: the least that Temporal needs to do the same to the machine, each step one plain activity. */
export async function plainSteps(input: BareInput): Promise<void> {
  return bareChange(input, tellPlainly);
}

/** B1: the same; what only touches the register is a local activity, as in the product. */
export async function localSteps(input: BareInput): Promise<void> {
  return bareChange(input, tell);
}

/**
 * Plan, two approvals, claim, fence, the same plan again, the steps, proof, release. No undo, no hold, no record
 * of its own: only what keeps the machine as safe as the product does when all goes well.
 */
async function bareChange(
  { changeId, request }: BareInput,
  steps: ActivityInterfaceFor<Tell>,
): Promise<void> {
  const acts = actsOf(bareSite);
  const approvers = new Set<string>();
  let planned: { plan: Plan; planHash: string } | null = null;
  setHandler(plannedUpdate, async () => {
    await condition(() => planned !== null);
    return planned!.planHash;
  });
  setHandler(approveUpdate, ({ reviewer }) => void approvers.add(reviewer), {
    validator: ({ reviewer, planHash }: Approval) => {
      if (planHash !== planned?.planHash || approvers.has(reviewer)) throw new Error('does not count');
    },
  });

  const inspection = { changeId, round: 1, request, requirements: defaultRequirements };
  const inspected = await acts.look.inspect(inspection);
  if (!inspected.ok) throw stop(inspected.failures);
  planned = inspected;
  await condition(() => approvers.size === 2);

  const { plan, planHash } = inspected;
  const { hostIdentity, devices } = plan.basis;
  const keys = claimKeys(hostIdentity, planActs(plan));
  const wish = { changeId, keys, hostShare: { host: hostIdentity, exclusive: false } };
  const claimed = await steps.claim(wish);
  if (!claimed.granted) throw stop(claimed);
  const again = await acts.look.inspectAgain({
    ...inspection,
    planHash,
    fence: { epoch: claimed.epoch, keys, hostIdentity },
  });
  if (!again.ok || again.planHash !== planHash) throw stop(again);
  const neededMs = (plan.estimateSeconds + plan.undoSeconds) * 1000;
  const turn = await steps.mayStart({ site: request.site, neededMs, startBy: Date.now() + neededMs });
  if (!turn.go) throw stop(turn.why);

  const todo = plan.steps.filter((step) => !step.onlyAfterEscalation);
  for (const [index, step] of todo.entries()) {
    const touch = acts.touch(step.limitSeconds, step.name);
    await touch.act(orderFor(changeId, plan, step, { epoch: claimed.epoch, sequence: index + 1 }));
  }
  const epoch = await steps.raiseEpoch(wish);
  const proof = await acts.look.verify({ changeId, round: 1, plan, fence: { epoch, keys, hostIdentity } });
  if (proof.failures.length > 0) throw stop(proof.failures);
  const home = request.action === 'return';
  const addresses = devices.map(({ address }) => address);
  await steps.release({ changeId, forget: home ? { hostIdentity, addresses } : null });
}

function orderFor(
  changeId: string,
  plan: Plan,
  { name, limitSeconds, forward }: Step,
  number: { epoch: number; sequence: number },
): ActInput {
  const { hostIdentity } = plan.basis;
  const { act, commands } = forward;
  return {
    ...{ changeId, round: 1, run: 0, step: name, direction: 'forward', hostIdentity, limitSeconds },
    ...{ act, commands },
    ...number,
  };
}

function stop(why: unknown): ApplicationFailure {
  return ApplicationFailure.nonRetryable(`the bare workflow can't go on: ${JSON.stringify(why)}`);
}
