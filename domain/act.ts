import type { DeviceMode, Fingerprint } from './device.js';

/** The verbs every hypervisor understands. They come in pairs: each undoes the other. */
export const Verb = {
  quiesce: 'quiesce',
  resume: 'resume',
  prepare: 'prepare',
  restore: 'restore',
  dismount: 'dismount',
  mount: 'mount',
  attach: 'attach',
  detach: 'detach',
} as const;
export type Verb = (typeof Verb)[keyof typeof Verb];

export const oppositeVerb: Record<Verb, Verb> = {
  quiesce: 'resume',
  resume: 'quiesce',
  prepare: 'restore',
  restore: 'prepare',
  dismount: 'mount',
  mount: 'dismount',
  attach: 'detach',
  detach: 'attach',
};

/** A branch of undo stops alone: the VM can be made whole although the host can't take its device back. */
export type Branch = 'vm' | 'host';

export const branchOf: Record<Verb, Branch> = {
  quiesce: 'vm',
  resume: 'vm',
  prepare: 'vm',
  restore: 'vm',
  attach: 'vm',
  detach: 'vm',
  dismount: 'host',
  mount: 'host',
};

/** The device an act is about: found by its address, proven by its fingerprint. */
export interface ActDevice {
  address: string;
  mode: DeviceMode;
  fingerprint: Fingerprint;
  unit: string;
  /** Addresses of all endpoints of the unit, this one included, sorted. */
  members: string[];
  /** The driver it has when it belongs to the host. Recorded before the first act. */
  hostDriver: string | null;
}

export interface ActVm {
  name: string;
  uuid: string;
}

/**
 * One mutation of one machine, as data. `placement` says whether a running VM is changed (`hot`) or only
 * the definition of a stopped one (`cold`). `force` lets quiesce cut the power when the guest doesn't answer.
 */
export interface Act {
  verb: Verb;
  host: string;
  vm?: ActVm;
  device?: ActDevice;
  placement?: 'hot' | 'cold';
  force?: boolean;
  /** For prepare and restore: VM settings as they shall be. */
  settings?: Record<string, string>;
}

/** Name of an act, unique within a plan: `dismount 0000:02:00.0`, `quiesce voip-gateway`. */
export function actName(act: Act): string {
  return `${act.verb} ${act.device?.address ?? act.vm?.name ?? act.host}`;
}

/** What the hypervisor is told, before any id of one execution is in it. */
export interface NativeCommand {
  tool: string;
  argv: string[];
  /** Document on standard input or behind a file argument, e.g. device XML. */
  input?: string;
}

export function formatCommand(command: NativeCommand): string {
  const words = [command.tool, ...command.argv].map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return words.join(' ');
}

/**
 * What an act touches, as keys of claims and of the guard's epochs: host identity with the device's
 * address, or the VM's uuid. Never an IOMMU group number: the kernel may renumber groups at every boot.
 */
export function claimKeys(hostIdentity: string, acts: readonly Act[]): string[] {
  const keys = acts.flatMap((act) => [
    ...(act.vm ? [`vm/${act.vm.uuid}`] : []),
    ...(act.device?.members ?? []).map((address) => `device/${hostIdentity}/${address}`),
  ]);
  return [...new Set(keys)].sort();
}

/** One order to a host: the act, who may give it (epoch), and how it is known again (opId). */
export interface Order {
  opId: string;
  epoch: number;
  /** Grows with every order of a change; within an epoch the guard refuses an older one. */
  sequence: number;
  attempt: number;
  keys: string[];
  hostIdentity: string;
  act: Act;
}

/** What was observed, with the command it came from and its raw reply. */
export interface Fact {
  subject: string;
  name: string;
  value: string;
  command: string;
  raw: string;
}

export interface RanCommand extends NativeCommand {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  milliseconds: number;
}

/** `done`: the effect is new and observed. `already`: it was so before, nothing was run. */
export interface ActReport {
  result: 'done' | 'already';
  before: Fact[];
  after: Fact[];
  ran: RanCommand[];
}

/** Whether the goal of an act holds now. `unknown` is neither yes nor no and frees nothing. */
export interface Observation {
  reached: 'yes' | 'no' | 'unknown';
  facts: Fact[];
}
