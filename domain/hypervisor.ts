import type { Act, ActDevice, ActReport, ActVm, Fact, NativeCommand, Observation, Order } from './act.js';
import type { DeviceFacts } from './device.js';

/** How a host differs, as data. Each default is the careful one. */
export interface Capabilities {
  /** A running VM can take a device. */
  hotAttach: boolean;
  /** Every mutating call passes a guard that refuses old epochs. */
  fencesEveryAct: boolean;
  /** Dismounting may need a reboot of the host: a reviewed step of its own. */
  dismountMayNeedReboot: boolean;
  /** The VM's memory is pinned while it has a device. */
  pinsMemory: boolean;
  /** What a VM can't do while it has a device: live migration, snapshots and so on. */
  vmLoses: string[];
}

export interface HostFacts {
  id: string;
  /** Machine id and ssh host key in one digest: a name can be moved, this can't. */
  identity: string;
  bootId: string;
  isolation: 'on' | 'off';
  /** What is missing for passthrough, e.g. kernel modules. Empty when ready. */
  missing: string[];
}

export const PowerState = {
  running: 'running',
  off: 'off',
  paused: 'paused',
  crashed: 'crashed',
  saved: 'saved',
  unknown: 'unknown',
} as const;
export type PowerState = (typeof PowerState)[keyof typeof PowerState];

export interface VmFacts {
  name: string;
  uuid: string;
  power: PowerState;
  memoryMiB: number;
  /** Hot-plug ports that are free now; those a cold attach could use are free as well. */
  freePorts: number;
  /** Devices the VM names, in the running VM (`live`) and in its definition (`config`). */
  devices: { address: string; live: boolean; config: boolean }[];
  /** Settings a change could touch, e.g. Hyper-V's stop action. */
  settings: Record<string, string>;
  /** Labels and owner as the hypervisor keeps them. */
  labels: Record<string, string>;
}

/** One look at a host. `vms` holds every VM's name and power; the full facts only of those asked for. */
export interface HostView {
  host: HostFacts;
  capabilities: Capabilities;
  devices: DeviceFacts[];
  vms: VmFacts[];
}

export interface InspectQuery {
  host: string;
  /** Publish this epoch for these keys first, in the same round trip: from here on older workers are refused. */
  fence?: Fence;
}

export interface Fence {
  epoch: number;
  keys: string[];
  hostIdentity: string;
}

export interface SnapshotQuery {
  host: string;
  devices: ActDevice[];
  vms: ActVm[];
  fence?: Fence;
}

export interface ProbeQuery {
  host: string;
  vm: ActVm;
  devices: ActDevice[];
  /** Whether the guest should have the devices (after attach) or not (after return). */
  expect: 'present' | 'absent';
  probe: GuestProbe;
  /** How long the guest may take to notice, in seconds. */
  patienceSeconds: number;
}
export const GuestProbe = {
  agent: 'agent',
  ssh: 'ssh',
  powershellDirect: 'powershell-direct',
  vmwareTools: 'vmware-tools',
  none: 'none',
} as const;
export type GuestProbe = (typeof GuestProbe)[keyof typeof GuestProbe];

/**
 * "Seen" and "healthy" are two answers, and `seen` is literal: `yes` means that the guest has all the devices
 * now, whatever was expected. `unknown` when nobody can look into the guest.
 */
export interface ProbeReport {
  seen: 'yes' | 'no' | 'unknown';
  healthy: 'yes' | 'no' | 'unknown';
  facts: Fact[];
}

/** Called while a long act goes on, so that a caller can show progress and report that it lives. */
export type Progress = (note: string) => void;

/**
 * The port: what Slipway needs of a hypervisor. Platform ids stay behind it. Every method throws
 * `SlipwayError` with a reason of `failures.ts`; a lost reply is `outcome-unknown`, never a guess.
 */
export interface Hypervisor {
  inspect(query: InspectQuery): Promise<HostView>;
  /** The native commands of an act, canonical: the same act always gives the same commands. Pure. */
  commands(act: Act): NativeCommand[];
  /** Observe, do nothing if already so, act, observe again; joins an act of the same opId that still runs. */
  act(order: Order, progress: Progress, signal: AbortSignal): Promise<ActReport>;
  observe(act: Act): Promise<Observation>;
  /** Facts for evidence, read by another path than the one that acts. */
  snapshot(query: SnapshotQuery): Promise<Fact[]>;
  probe(query: ProbeQuery, progress: Progress, signal: AbortSignal): Promise<ProbeReport>;
  /** The newest epoch the host's guard has seen; null when it has seen none. No register may give out an older one. */
  newestEpoch(): Promise<number | null>;
  close(): Promise<void>;
}
