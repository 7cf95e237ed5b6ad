import type { PlannedAct, Step } from './plan.js';

/** One inverse with the inverses that must be proven before it may be tried. */
export interface UndoNode {
  /** Name of the step whose inverse this is. */
  step: string;
  inverse: PlannedAct;
  escalation: PlannedAct[];
  after: string[];
}

/**
 * The inverses of the steps that were begun, last first, as a dependency graph. An inverse waits for those
 * of later steps which share its VM (a step on the VM as a whole waits for all of them, steps on different
 * units do not wait for each other) or which hold the same unit on the other side. So a VM is made whole
 * although the host can't take a device back, and no device goes to the host while the VM may have its unit.
 * A step that only made up for an escalation has nothing to undo: the VM was running before it.
 */
export function undoGraph(begun: readonly Step[]): UndoNode[] {
  const undoable = begun.filter((step) => step.inverse !== null && !step.onlyAfterEscalation);
  return undoable
    .map((step, index) => ({ step, later: undoable.slice(index + 1) }))
    .reverse()
    .map(({ step, later }) => ({
      step: step.name,
      inverse: step.inverse!,
      escalation: step.inverse!.act.verb === 'detach' ? step.escalation : [],
      after: later.filter((other) => mustPrecede(other, step)).map((other) => other.name),
    }));
}

function mustPrecede(later: Step, earlier: Step): boolean {
  const a = later.forward.act;
  const b = earlier.forward.act;
  const sameUnit = a.device !== undefined && a.device.unit === b.device?.unit;
  const sameVm = a.vm !== undefined && a.vm.uuid === b.vm?.uuid;
  if (sameVm) return sameUnit || !a.device || !b.device;
  return sameUnit && later.branch !== earlier.branch;
}
