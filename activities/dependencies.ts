import type { KeyObject } from 'node:crypto';
import type { GuestProbe, Hypervisor } from '../domain/hypervisor.js';
import type { Register } from '../records/database.js';

/** What activities need and the worker brings. Secrets are resolved in here and nowhere further out. */
export interface Dependencies {
  register: Register;
  /** Throws `host-unknown` for a host the estate does not have. */
  hypervisorOf: (host: string) => Hypervisor;
  /** How to look into a guest, and how long it may take to notice; `none` when the estate says nothing. */
  guestOf: (vm: string) => { probe: GuestProbe; patienceSeconds: number };
  /** Aliases of a host's devices by address, for the inventory. */
  aliasesOn: (host: string) => Record<string, string>;
  /** Asks for a fresh look at a host, soon: something on it has just moved. May be lost. */
  lookAgain: (host: string) => void;
  /** Proves that a review came through the API. */
  decisionKey: KeyObject;
}

export function now(): string {
  return new Date().toISOString();
}
