import type { Branch, NativeCommand } from './act.js';
import type { Failure } from './failures.js';
import type { Plan, Step } from './plan.js';

/** What an operator sees of a parked change: how far each branch came and what to type. */
export interface HalfState {
  branches: { branch: Branch; unit?: string; stoppedAt: string; failure: Failure }[];
  commands: { step: string; commands: NativeCommand[] }[];
}

/** What an undo left behind, by the names of the steps whose inverses were or were not proven. */
export interface UndoResidue {
  proven: string[];
  unproven: { step: string; failure: Failure }[];
  untried: string[];
}

/** The name under which an undo brings back the power that an escalation cut. */
export function powerStepOf(plan: Plan): string {
  return `restore the power of ${plan.basis.vm.name}`;
}

export function halfStateOf(plan: Plan, residue: UndoResidue): HalfState {
  const stepOf = (name: string): Step | undefined => plan.steps.find((step) => step.name === name);
  const open = [...residue.unproven.map(({ step }) => step), ...residue.untried];
  return {
    branches: residue.unproven.map(({ step, failure }) => {
      const unit = stepOf(step)?.forward.act.device?.unit;
      return { branch: stepOf(step)?.branch ?? 'vm', ...(unit ? { unit } : {}), stoppedAt: step, failure };
    }),
    commands: open.flatMap((step) => {
      const inverse = step === powerStepOf(plan) ? plan.restorePower : stepOf(step)?.inverse;
      return inverse ? [{ step, commands: inverse.commands }] : [];
    }),
  };
}
