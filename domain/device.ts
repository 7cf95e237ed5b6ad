/** What can be moved. Each mode drops or replaces steps; the verbs stay the same. */
export const DeviceMode = { pci: 'pci', vf: 'vf', vgpu: 'vgpu', disk: 'disk', usb: 'usb' } as const;
export type DeviceMode = (typeof DeviceMode)[keyof typeof DeviceMode];

/**
 * What a device is, as opposed to where it is. Hex ids are lower case without `0x`.
 * `serial` is the strongest part; a device without one is told apart by `slot` and the
 * host's boot id, and the plan shows that weakness as a risk.
 */
export interface Fingerprint {
  vendor: string;
  device: string;
  subsystem?: string;
  class?: string;
  serial?: string;
  slot?: string;
}

/** Something on the host that would lose the device, and must be ended by its owner first. */
export interface HostUse {
  kind: HostUseKind;
  /** What a person needs to find it: mount point, volume group, interface and so on. */
  detail: string;
}
export const HostUseKind = {
  mount: 'mount',
  swap: 'swap',
  lvm: 'lvm',
  md: 'md',
  zfs: 'zfs',
  holder: 'holder',
  defaultRoute: 'default-route',
  bridgePort: 'bridge-port',
  ownConnection: 'own-connection',
  bootDisplay: 'boot-display',
  virtualFunctions: 'virtual-functions',
} as const;
export type HostUseKind = (typeof HostUseKind)[keyof typeof HostUseKind];

/**
 * Who holds the device now, as observed. A host may hold a device without any driver (`driver: null`);
 * `nobody` is a half-state: taken from the host and with no VM, e.g. bound to vfio-pci and not attached.
 */
export type Holder =
  | { kind: 'host'; driver: string | null }
  | { kind: 'vm'; vm: string }
  | { kind: 'nobody'; driver: string | null }
  | { kind: 'unknown'; why: string };

/** One device as an adapter observed it. */
export interface DeviceFacts {
  address: string;
  mode: DeviceMode;
  name: string;
  fingerprint: Fingerprint;
  /** Key of the unit: devices with the same key move together. */
  unit: string;
  /** A bridge of the unit stays where it is: it is shown and never dismounted. */
  bridge: boolean;
  holder: Holder;
  resetMethods: string[];
  uses: HostUse[];
  /** Empty when the platform can't isolate the device at all. */
  isolation: 'isolated' | 'none';
}

/** A PCI address as one value: `domain:bus:slot.function`. */
export interface PciAddress {
  domain: number;
  bus: number;
  slot: number;
  function: number;
}

const pciPattern = /^(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])$/i;

/** Parses `0000:3b:00.0` or `3b:00.0`; null for anything else. */
export function parsePciAddress(text: string): PciAddress | null {
  const match = pciPattern.exec(text);
  if (!match) return null;
  const [, domain = '0', bus = '', slot = '', fn = ''] = match;
  const address = {
    domain: parseInt(domain, 16),
    bus: parseInt(bus, 16),
    slot: parseInt(slot, 16),
    function: parseInt(fn, 16),
  };
  return address.slot <= 0x1f && address.domain <= 0xffff ? address : null;
}

export function formatPciAddress(address: PciAddress): string {
  const hex = (value: number, width: number): string => value.toString(16).padStart(width, '0');
  return `${hex(address.domain, 4)}:${hex(address.bus, 2)}:${hex(address.slot, 2)}.${address.function}`;
}

/** The one spelling of an address; text that is no PCI address stays as it is (other modes have other forms). */
export function normalAddress(text: string): string {
  const parsed = parsePciAddress(text);
  return parsed ? formatPciAddress(parsed) : text;
}

/** Texts such as `serial N0` and `serial none`. */
export interface FingerprintDifference {
  expected: string;
  actual: string;
}

/** The parts of `wanted` that `found` contradicts. */
export function fingerprintDifferences(
  wanted: Partial<Fingerprint>,
  found: Fingerprint,
): FingerprintDifference[] {
  return (Object.keys(wanted) as (keyof Fingerprint)[])
    .filter((part) => wanted[part] !== undefined && plainId(wanted[part]) !== plainId(found[part]))
    .map((part) => ({ expected: `${part} ${wanted[part]}`, actual: `${part} ${found[part] ?? 'none'}` }));
}

function plainId(value: string | undefined): string | undefined {
  return value?.toLowerCase().replace(/^0x/, '');
}

export function isWeakFingerprint(fingerprint: Fingerprint): boolean {
  return !fingerprint.serial;
}
