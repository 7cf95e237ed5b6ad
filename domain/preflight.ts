import type { ChangeRequest, RequestedDevice } from './change.js';
import { type DeviceFacts, fingerprintDifferences, normalAddress } from './device.js';
import { type Failure, failure } from './failures.js';
import type { HostView, VmFacts } from './hypervisor.js';
import { describeUse } from './plan.js';

/** The devices a request really moves: the whole unit of each, without its bridges. */
export interface Selection {
  vm: VmFacts;
  devices: DeviceFacts[];
  bridges: DeviceFacts[];
  /** Members that were not asked for and move all the same. */
  companions: DeviceFacts[];
}

/** Finds VM, devices and units of a request in a view; the failures name every field that is wrong. */
export function select(
  request: ChangeRequest,
  view: HostView,
): { selection: Selection | null; failures: Failure[] } {
  const failures: Failure[] = [];
  if (request.devices.length === 0) {
    const where = { ...at(request), field: 'devices' };
    failures.push(failure('request-invalid', { where, expected: 'at least one device', actual: 'none' }));
  }
  const vm = view.vms.find((one) => one.name === request.vm);
  if (!vm) {
    const known = view.vms.map((one) => one.name).join(', ');
    failures.push(
      failure('vm-unknown', {
        where: at(request),
        expected: `one of: ${known || 'none'}`,
        actual: request.vm,
      }),
    );
  }
  const asked = request.devices.flatMap((wanted) => {
    const found = view.devices.find((device) => device.address === normalAddress(wanted.address));
    failures.push(...deviceFailures(request, wanted, found));
    return found ? [found] : [];
  });
  const units = new Set(asked.map((device) => device.unit));
  // In one order whatever the host lists first: the same request must make the same plan.
  const members = view.devices
    .filter((device) => units.has(device.unit))
    .sort((a, b) => (a.address < b.address ? -1 : 1));
  const devices = members.filter((device) => !device.bridge);
  const companions = devices.filter((device) => !asked.includes(device));
  if (companions.length > 0 && !request.wholeUnit) failures.push(consentFailure(request, asked, companions));
  if (!vm || failures.length > 0) return { selection: null, failures };
  return {
    selection: { vm, devices, bridges: members.filter((device) => device.bridge), companions },
    failures,
  };
}

function deviceFailures(
  request: ChangeRequest,
  wanted: RequestedDevice,
  found: DeviceFacts | undefined,
): Failure[] {
  const where = at(request, wanted.address);
  if (!found) return [failure('device-unknown', { where, actual: 'no such device on the host' })];
  if (found.bridge) return [failure('device-is-bridge', { where, actual: found.name })];
  const differences = fingerprintDifferences(wanted.fingerprint ?? {}, found.fingerprint);
  return differences.map((difference) => failure('fingerprint-mismatch', { where, ...difference }));
}

function consentFailure(request: ChangeRequest, asked: DeviceFacts[], companions: DeviceFacts[]): Failure {
  const list = companions.map((device) => `${device.address} (${device.name})`).join(', ');
  return failure('unit-consent-missing', {
    where: at(request, asked[0]?.address),
    expected: 'wholeUnit: true',
    actual: `the unit also holds ${list}`,
  });
}

/** What stands against taking these devices from the host, whatever the VM is. */
export function hostObjections(
  request: ChangeRequest,
  view: HostView,
  devices: readonly DeviceFacts[],
): Failure[] {
  const { host } = view;
  if (host.isolation === 'off')
    return [failure('iommu-off', { where: at(request), actual: 'no IOMMU groups' })];
  const missing = host.missing.length > 0 ? host.missing.join(', ') : null;
  return [
    ...(missing
      ? [failure('passthrough-unavailable', { where: at(request), actual: `missing: ${missing}` })]
      : []),
    ...devices.flatMap((device) => [
      ...isolationObjections(request, device),
      ...holderObjections(request, device),
      ...useObjections(request, device),
    ]),
  ];
}

function isolationObjections(request: ChangeRequest, device: DeviceFacts): Failure[] {
  if (device.isolation === 'isolated') return [];
  return [
    failure('iommu-off', {
      where: at(request, device.address),
      expected: 'a device in an IOMMU group',
      actual: 'the IOMMU does not isolate this device',
    }),
  ];
}

function holderObjections(request: ChangeRequest, device: DeviceFacts): Failure[] {
  const where = at(request, device.address);
  const { holder } = device;
  if (holder.kind === 'host') return [];
  if (holder.kind === 'vm') {
    const reason = holder.vm === request.vm ? 'device-already-attached' : 'device-in-use-by-vm';
    return [failure(reason, { where, expected: 'held by the host', actual: `held by VM ${holder.vm}` })];
  }
  const actual =
    holder.kind === 'nobody' ? `driver ${holder.driver ?? 'none'}, no VM` : `unreadable: ${holder.why}`;
  return [failure('device-in-limbo', { where, expected: 'held by the host', actual })];
}

function useObjections(request: ChangeRequest, device: DeviceFacts): Failure[] {
  if (device.uses.length === 0) return [];
  const actual = device.uses.map(describeUse).join('; ');
  return [
    failure('device-in-use-by-host', { where: at(request, device.address), expected: 'not in use', actual }),
  ];
}

export function at(request: ChangeRequest, address?: string): { host: string; vm: string; address?: string } {
  return { host: request.host, vm: request.vm, ...(address ? { address } : {}) };
}
