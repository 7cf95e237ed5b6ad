import type { Telling } from '../activities/index.js';
import { compareFacts, silences } from '../domain/evidence.js';
import { type Failure, failure } from '../domain/failures.js';
import type { PlannedAct } from '../domain/plan.js';
import { powerStepOf, type UndoResidue } from '../domain/half-state.js';
import { undoGraph, type UndoNode } from '../domain/undo.js';
import { type Acts, failureOf, hostBackWithinMs, patiently, tell } from './acts.js';
import type { OpenChange } from './open-change.js';
import { escalating, orderFor, perform } from './run.js';

export interface UndoAnswer {
  /** Everything begun is proven back and the snapshots before and after are equal. */
  proven: boolean;
  residue: UndoResidue;
}

/**
 * Undoes what was begun, in the order of the undo graph. A branch stops at its first inverse that can't be
 * proven; the others go on. Every inverse observes first, so one whose step never happened is a no-op.
 */
export async function undo(change: OpenChange, acts: Acts, why: Failure | null): Promise<UndoAnswer> {
  const telling = change.movesWith('undoing', { failures: why ? [why] : [] });
  const residue: UndoResidue = { proven: [], unproven: [], untried: [] };
  const begun = change.steps.filter((step) => change.begun.includes(step.name));
  const nodes = undoGraph(begun).filter((node) => !change.skipped.includes(node.step));
  if (!(await raisesEpoch(change, residue, telling))) {
    residue.untried.push(...nodes.map(({ step }) => step));
    return { proven: false, residue };
  }
  change.run += 1;
  // A VM that gets its devices back must run to take them; one that loses them gets its power afterwards.
  const regains = nodes.some(({ inverse }) => inverse.act.verb === 'attach');
  if (regains) await restorePower(change, residue, acts);
  for (const node of nodes) {
    if (!node.after.every((step) => residue.proven.includes(step) || change.skipped.includes(step))) {
      residue.untried.push(node.step);
      continue;
    }
    const failed = await undoStep(change, node, acts);
    if (failed) residue.unproven.push({ step: node.step, failure: failed });
    else residue.proven.push(node.step);
  }
  if (!regains) await restorePower(change, residue, acts);
  const clean = residue.unproven.length === 0 && residue.untried.length === 0;
  return { proven: clean && (await snapshotsEqual(change, residue, acts)), residue };
}

/** Without its claims a change may touch nothing, not even to undo: somebody else may hold the device by now. */
async function raisesEpoch(change: OpenChange, residue: UndoResidue, telling: Telling): Promise<boolean> {
  try {
    change.epoch = await tell.raiseEpoch({ ...change.claim, telling });
    return true;
  } catch (error) {
    residue.unproven.push({ step: 'raise the epoch of the claims', failure: failureOf(error) });
    return false;
  }
}

async function undoStep(change: OpenChange, node: UndoNode, acts: Acts): Promise<Failure | null> {
  const step = change.steps.find((one) => one.name === node.step)!;
  const undoOne = (planned: PlannedAct, direction: 'undo' | 'escalation'): Promise<unknown> =>
    touchBack(change, acts, step, planned, direction);
  try {
    await escalating(
      change,
      node.escalation,
      () => undoOne(node.inverse, 'undo'),
      (planned) => undoOne(planned, 'escalation'),
    );
    return null;
  } catch (error) {
    return failureOf(error);
  }
}

/** One act of the undo, for which worker and register are waited as long as it takes. */
function touchBack(
  change: OpenChange,
  acts: Acts,
  step: { name: string; limitSeconds: number },
  planned: PlannedAct,
  direction: 'undo' | 'escalation',
): Promise<void> {
  return patiently(
    () =>
      perform(
        acts.touchBack(step.limitSeconds, `${direction}: ${step.name}`),
        orderFor(change, step, planned, direction),
      ),
    (why) => change.moves('undoing', { waitingFor: why.message }),
    { hostAwayMs: hostBackWithinMs },
  );
}

/** If an escalation cut the VM's power: it comes back unless an inverse left it open whether the VM may run. */
async function restorePower(change: OpenChange, residue: UndoResidue, acts: Acts): Promise<void> {
  const planned = change.plan!.restorePower;
  if (!change.escalated || !planned) return;
  const step = { name: powerStepOf(change.plan!), limitSeconds: 360 };
  const open = [...residue.unproven.map((one) => one.step), ...residue.untried];
  const vmMayHoldDevice = change.steps.some(({ name, branch }) => branch === 'vm' && open.includes(name));
  if (vmMayHoldDevice) return void residue.untried.push(step.name);
  try {
    await touchBack(change, acts, step, planned, 'undo');
    residue.proven.push(step.name);
  } catch (error) {
    residue.unproven.push({ step: step.name, failure: failureOf(error) });
  }
}

async function snapshotsEqual(change: OpenChange, residue: UndoResidue, acts: Acts): Promise<boolean> {
  try {
    const { id: changeId, round, fence } = change;
    const after = await patiently(
      () => acts.look.snapshot({ changeId, round, plan: change.plan!, fence }),
      (why) => change.moves('undoing', { waitingFor: why.message }),
      { hostAwayMs: hostBackWithinMs },
    );
    const silent = [change.before, after].flatMap((facts) => silences(change.plan!, facts));
    const different = compareFacts(change.before, after);
    if (silent.length === 0 && different.length === 0) return true;
    const text = [
      ...silent.map((fact) => `${fact}: not observed`),
      ...different.map((one) => `${one.subject} ${one.name}: ${one.before} → ${one.after}`),
    ].join('; ');
    residue.unproven.push({
      step: 'compare before and after',
      failure: failure('act-without-effect', { expected: 'as before', actual: text }),
    });
  } catch (error) {
    residue.unproven.push({ step: 'compare before and after', failure: failureOf(error) });
  }
  return false;
}
