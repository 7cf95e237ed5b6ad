import type { Branch, NativeCommand } from './act.js';
import type { Failure } from './failures.js';
import type { Step } from './plan.js';

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

export function halfStateOf(steps: readonly Step[], residue: UndoResidue): HalfState {
  const stepOf = (name: string): Step | undefined => steps.find((step) => step.name === name);
  const open = [...residue.unproven.map(({ step }) => step), ...residue.untried];
  return {
    branches: residue.unproven.map(({ step, failure }) => {
      const unit = stepOf(step)?.forward.act.device?.unit;
      return { branch: stepOf(step)?.branch ?? 'vm', ...(unit ? { unit } : {}), stoppedAt: step, failure };
    }),
    commands: open.flatMap((step) => {
      const inverse = stepOf(step)?.inverse;
      return inverse ? [{ step, commands: inverse.commands }] : [];
    }),
  };
}
