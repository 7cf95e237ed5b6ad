import { compareFacts } from '../domain/evidence.js';
import { type Failure, failure } from '../domain/failures.js';
import type { PlannedAct } from '../domain/plan.js';
import type { UndoResidue } from '../domain/half-state.js';
import { undoGraph, type UndoNode } from '../domain/undo.js';
import { type Acts, failureOf, patiently, tell } from './acts.js';
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
  await change.moves('undoing', { failures: why ? [why] : [] });
  change.epoch = await tell.raiseEpoch({ changeId: change.id });
  change.run += 1;
  const residue: UndoResidue = { proven: [], unproven: [], untried: [] };
  for (const node of undoGraph(change.steps.filter((step) => change.begun.includes(step.name)))) {
    if (change.skipped.includes(node.step)) continue;
    if (!node.after.every((step) => residue.proven.includes(step) || change.skipped.includes(step))) {
      residue.untried.push(node.step);
      continue;
    }
    const failed = await undoStep(change, node, acts);
    if (failed) residue.unproven.push({ step: node.step, failure: failed });
    else residue.proven.push(node.step);
  }
  if (change.escalated) await restorePower(change, residue, acts);
  const clean = residue.unproven.length === 0 && residue.untried.length === 0;
  return { proven: clean && (await snapshotsEqual(change, residue, acts)), residue };
}

async function undoStep(change: OpenChange, node: UndoNode, acts: Acts): Promise<Failure | null> {
  const step = change.steps.find((one) => one.name === node.step)!;
  const undoOne = (planned: PlannedAct, direction: 'undo' | 'escalation'): Promise<unknown> =>
    patiently(
      () =>
        perform(
          acts.touchBack(step.limitSeconds, `${direction}: ${step.name}`),
          orderFor(change, step, planned, direction),
        ),
      (why) => change.moves('undoing', { waitingFor: why.message }),
    );
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

/** An escalation cut the VM's power; it comes back once the VM provably names none of the devices. */
async function restorePower(change: OpenChange, residue: UndoResidue, acts: Acts): Promise<void> {
  const planned = change.plan!.restorePower;
  const vmMayHoldDevice = [...residue.unproven.map(({ step }) => step), ...residue.untried].some((name) =>
    change.steps.some((step) => step.name === name && step.branch === 'vm'),
  );
  if (!planned || vmMayHoldDevice) return;
  const step = { name: `restore power of ${planned.act.vm?.name ?? 'the VM'}`, limitSeconds: 360 };
  try {
    await perform(acts.touchBack(step.limitSeconds, step.name), orderFor(change, step, planned, 'undo'));
    residue.proven.push(step.name);
  } catch (error) {
    residue.unproven.push({ step: step.name, failure: failureOf(error) });
  }
}

async function snapshotsEqual(change: OpenChange, residue: UndoResidue, acts: Acts): Promise<boolean> {
  try {
    const after = await acts.look.snapshot({
      changeId: change.id,
      round: change.round,
      plan: change.plan!,
      fence: change.fence,
    });
    const differences = compareFacts(change.before, after);
    if (differences.length === 0) return true;
    const text = differences
      .map((one) => `${one.subject} ${one.name}: ${one.before} → ${one.after}`)
      .join('; ');
    residue.unproven.push({
      step: 'compare before and after',
      failure: failure('act-without-effect', { expected: 'as before', actual: text }),
    });
  } catch (error) {
    residue.unproven.push({ step: 'compare before and after', failure: failureOf(error) });
  }
  return false;
}
