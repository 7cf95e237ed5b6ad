import type { DeviceFacts, Holder } from '../domain/device.js';
import type { Capabilities, HostFacts, VmFacts } from '../domain/hypervisor.js';
import type { Page } from './changes.js';
import type { Db } from './database.js';

export interface HostRecord {
  id: string;
  site: string;
  facts: HostFacts;
  capabilities: Capabilities;
  observedAt: string;
  changedAt: string;
}

export interface DeviceRecord {
  host: string;
  site: string;
  /** Its key in claims: `device/<host identity>/<address>`. */
  key: string;
  alias: string | null;
  /** As last seen; `facts.holder` may be `unknown`. */
  facts: DeviceFacts;
  /** The newest holder that could be read, with the time it was new; null if it never could. */
  knownHolder: Holder | null;
  knownAt: string | null;
  claim: { changeId: string; epoch: number } | null;
  quarantine: { changeId: string; why: string; since: string } | null;
  /** Since when the host no longer shows it. */
  goneAt: string | null;
  observedAt: string;
}

export interface VmRecord {
  host: string;
  site: string;
  facts: VmFacts;
  claim: { changeId: string; epoch: number } | null;
  goneAt: string | null;
  observedAt: string;
}

export interface DeviceFilter {
  site?: string;
  host?: string;
  /** Held by the VM of this name, as last known. */
  vm?: string;
  /** Address or alias. */
  device?: string;
  /** In quarantine only. */
  quarantined?: boolean;
  cursor?: string;
  limit?: number;
}

export function listHosts(_db: Db, _filter: { site?: string } = {}): Promise<HostRecord[]> {
  throw new Error('not written yet');
}

/** By host and address; `limit` is 200 unless told. */
export function listDevices(_db: Db, _filter: DeviceFilter = {}): Promise<Page<DeviceRecord>> {
  throw new Error('not written yet');
}

export function listVms(_db: Db, _filter: { site?: string; host?: string } = {}): Promise<VmRecord[]> {
  throw new Error('not written yet');
}
