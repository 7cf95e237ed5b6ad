import type { Act, Branch, NativeCommand } from './act.js';
import type { Action, ChangeRequest } from './change.js';
import type { Fingerprint, HostUse } from './device.js';
import type { Requirement } from './review.js';

export interface PlannedAct {
  act: Act;
  /** Filled in by the adapter; canonical, so that the same act always hashes alike. */
  commands: NativeCommand[];
}

export interface Step {
  /** Unique within the plan: `dismount 0000:02:00.0`. */
  name: string;
  summary: string;
  branch: Branch;
  forward: PlannedAct;
  /** Null only for an irreversible step: after it the change goes forward or parks. */
  inverse: PlannedAct | null;
  /** When the forward act (or its inverse) stays pending in the guest: what is done before it is tried again. */
  escalation: PlannedAct[];
  /** Done only if an escalation changed the VM's power state. */
  onlyAfterEscalation: boolean;
  /** What stops working meanwhile or from then on, in words for a reviewer. */
  effects: string[];
  /** Usual duration, and the duration after which the outcome counts as unknown. */
  typicalSeconds: number;
  limitSeconds: number;
}

export interface Risk {
  code:
    | 'no-reset-method'
    | 'larger-unit'
    | 'weak-fingerprint'
    | 'memory-pinned'
    | 'power-cycle'
    | 'no-probe'
    | 'not-fenced';
  text: string;
}

/** Facts that were read and matter: if one of them is different later, it is another plan. */
export interface PlanBasis {
  hostIdentity: string;
  vm: { name: string; uuid: string; power: string; settings: Record<string, string> };
  devices: {
    address: string;
    fingerprint: Fingerprint;
    members: string[];
    bridges: string[];
    hostDriver: string | null;
    resetMethods: string[];
  }[];
}

export interface Plan {
  version: 1;
  action: Action;
  host: string;
  site: string;
  basis: PlanBasis;
  steps: Step[];
  /** Brings the VM back to its power state if an escalation cut it. Null when the VM was off. */
  restorePower: PlannedAct | null;
  onUnhealthy: ChangeRequest['onUnhealthy'];
  requirements: Requirement[];
  hostLoses: string[];
  vmLoses: string[];
  risks: Risk[];
  powerCycles: number;
  estimateSeconds: number;
  undoSeconds: number;
}

/**
 * What a plan's hash is made of: everything that means something, nothing that merely passes: times, ids,
 * versions, and the key of a unit, which may be a number that a reboot gives anew. Its members are in.
 */
export function planMaterial(plan: Plan): unknown {
  const { version: _version, estimateSeconds: _estimate, undoSeconds: _undo, ...meaning } = plan;
  return {
    ...meaning,
    steps: plan.steps.map(({ typicalSeconds: _typical, limitSeconds: _limit, ...step }) => ({
      ...step,
      forward: withoutUnitKey(step.forward),
      inverse: step.inverse && withoutUnitKey(step.inverse),
      escalation: step.escalation.map(withoutUnitKey),
    })),
  };
}

function withoutUnitKey({ act, commands }: PlannedAct): unknown {
  if (!act.device) return { act, commands };
  const { unit: _unit, ...device } = act.device;
  return { act: { ...act, device }, commands };
}

/** All acts a plan may perform, forward and back: the ground for claims and fences. */
export function planActs(plan: Plan): Act[] {
  const planned = plan.steps.flatMap((step) => [
    step.forward,
    ...(step.inverse ? [step.inverse] : []),
    ...step.escalation,
  ]);
  return [...planned, ...(plan.restorePower ? [plan.restorePower] : [])].map(({ act }) => act);
}

/** Adds to every act the native commands its adapter would run. */
export function withCommands(plan: Plan, commands: (act: Act) => NativeCommand[]): Plan {
  const filled = (planned: PlannedAct): PlannedAct => ({ act: planned.act, commands: commands(planned.act) });
  return {
    ...plan,
    steps: plan.steps.map((step) => ({
      ...step,
      forward: filled(step.forward),
      inverse: step.inverse && filled(step.inverse),
      escalation: step.escalation.map(filled),
    })),
    restorePower: plan.restorePower && filled(plan.restorePower),
  };
}

export function describeUse(use: HostUse): string {
  return `${use.kind} ${use.detail}`;
}
