import type { Verb } from './act.js';

/** Usual duration of an act, and the duration after which its outcome counts as unknown. */
export const seconds: Record<Verb, { typical: number; limit: number }> = {
  quiesce: { typical: 60, limit: 360 },
  resume: { typical: 30, limit: 360 },
  prepare: { typical: 3, limit: 60 },
  restore: { typical: 3, limit: 60 },
  dismount: { typical: 3, limit: 120 },
  mount: { typical: 3, limit: 120 },
  attach: { typical: 5, limit: 120 },
  detach: { typical: 10, limit: 240 },
};

/** What a reviewer reads of a step. */
export const summaries: Record<Verb, (what: string, vm: string, placement?: string) => string> = {
  quiesce: (_, vm) => `Shut down VM ${vm}, cutting its power if the guest does not answer`,
  resume: (_, vm) => `Bring VM ${vm} back to running`,
  prepare: (_, vm) => `Set what VM ${vm} needs for the device`,
  restore: (_, vm) => `Restore the settings of VM ${vm}`,
  dismount: (what) => `Take ${what} from its driver on the host`,
  mount: (what) => `Give ${what} back to its driver on the host`,
  attach: (what, vm, placement) =>
    `Attach ${what} to VM ${vm}${placement === 'cold' ? ' while it is off' : ''}`,
  detach: (what, vm, placement) =>
    `Detach ${what} from VM ${vm}${placement === 'cold' ? ' while it is off' : ''}`,
};

/** What stops working meanwhile or from then on. */
export const effects: Record<Verb, (what: string, vm: string) => string[]> = {
  quiesce: (_, vm) => [`VM ${vm} is off until it is resumed`],
  resume: () => [],
  prepare: () => [],
  restore: () => [],
  dismount: (what) => [`the host loses ${what}`],
  mount: (what) => [`the host has ${what} again`],
  attach: (what, vm) => [`VM ${vm} has ${what}`],
  detach: (what, vm) => [`VM ${vm} loses ${what}`],
};
