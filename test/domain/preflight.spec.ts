import { describe, expect, it } from '@jest/globals';
import type { ChangeRequest } from '../../domain/change.js';
import type { HostUse } from '../../domain/device.js';
import type { Failure } from '../../domain/failures.js';
import type { HostView } from '../../domain/hypervisor.js';
import { type PlanInput, planChange } from '../../domain/planning.js';
import {
  bridge,
  capabilities,
  card,
  device,
  disk,
  host,
  planInput,
  request,
  returnInput,
  sibling,
  view,
  vm,
  vmName,
} from './samples.js';

function refusals(input: PlanInput): Failure[] {
  const planned = planChange(input);
  if (planned.ok) throw new Error('it was planned');
  return planned.failures;
}

function attach(asked: Partial<ChangeRequest>, seen: Partial<HostView> = {}): Failure[] {
  return refusals(planInput({ request: request(asked), view: view(seen) }));
}

const where = { host, vm: vmName, address: card };
const off = { ...view().host, isolation: 'off' as const };
const noHotPlug = { ...capabilities, hotAttach: false };

describe('preflight of an attach refuses, and names the field', () => {
  it('a VM that the host does not have, and says which ones it has', () => {
    expect(attach({ vm: 'voip' })).toMatchObject([
      { reason: 'vm-unknown', where: { host, vm: 'voip' }, expected: `one of: ${vmName}`, actual: 'voip' },
    ]);
  });

  it('any VM when the host has none', () => {
    expect(attach({}, { vms: [] })).toMatchObject([{ reason: 'vm-unknown', expected: 'one of: none' }]);
  });

  it('a device that the host does not have', () => {
    expect(attach({ devices: [{ address: '0000:09:00.0', mode: 'pci' }] })).toMatchObject([
      { reason: 'device-unknown', where: { ...where, address: '0000:09:00.0' } },
    ]);
  });

  it('hostile text as an address, with the text in its place and nowhere else', () => {
    const address = `0000:02:00.0' --live\n<x/>`;
    expect(attach({ devices: [{ address, mode: 'pci' }] })).toMatchObject([
      { reason: 'device-unknown', where: { ...where, address } },
    ]);
  });

  it('no device at all', () => {
    expect(attach({ devices: [] })).toMatchObject([
      { reason: 'request-invalid', where: { host, field: 'devices' }, expected: 'at least one device' },
    ]);
  });

  it('a bridge', () => {
    const devices = [device(card, { bridge: true, name: 'PCIe-PCI bridge' })];
    expect(attach({}, { devices })).toMatchObject([
      { reason: 'device-is-bridge', where, actual: 'PCIe-PCI bridge' },
    ]);
  });

  it('another card than the one that was meant, part by part', () => {
    const devices = [
      { address: card, mode: 'pci' as const, fingerprint: { vendor: '8086', serial: 'other' } },
    ];
    expect(attach({ devices })).toMatchObject([
      { reason: 'fingerprint-mismatch', where, expected: 'vendor 8086', actual: 'vendor 1b36' },
      { reason: 'fingerprint-mismatch', where, expected: 'serial other', actual: `serial N-${card}` },
    ]);
  });

  it('a unit whose other members were not agreed to, each by name', () => {
    const devices = [
      device(card, { unit: 'u' }),
      device(sibling, { unit: 'u', name: 'second function' }),
      device(bridge, { unit: 'u', bridge: true, name: 'a bridge' }),
    ];
    expect(attach({ wholeUnit: false }, { devices })).toMatchObject([
      {
        reason: 'unit-consent-missing',
        where,
        expected: 'wholeUnit: true',
        actual: `the unit also holds ${sibling} (second function)`,
      },
    ]);
  });

  it('several wrong fields at once, so that one correction is enough', () => {
    const devices = [
      { address: '0000:09:00.0', mode: 'pci' as const },
      { address: card, mode: 'pci' as const, fingerprint: { vendor: '8086' } },
    ];
    expect(attach({ vm: 'voip', devices }).map(({ reason }) => reason)).toEqual([
      'vm-unknown',
      'device-unknown',
      'fingerprint-mismatch',
    ]);
  });

  it('a host without IOMMU', () => {
    expect(attach({}, { host: off })).toMatchObject([{ reason: 'iommu-off', where: { host } }]);
  });

  it('a device that the host’s IOMMU does not isolate', () => {
    const devices = [device(card, { isolation: 'none' })];
    expect(attach({}, { devices })).toMatchObject([
      { reason: 'iommu-off', where: { address: card }, actual: 'the IOMMU does not isolate this device' },
    ]);
  });

  it('a host without the modules, with their names', () => {
    const missing = ['vfio-pci', 'vfio_iommu_type1'];
    expect(attach({}, { host: { ...view().host, missing } })).toMatchObject([
      { reason: 'passthrough-unavailable', actual: 'missing: vfio-pci, vfio_iommu_type1' },
    ]);
  });

  it('a device of another VM', () => {
    const devices = [device(card, { holder: { kind: 'vm', vm: 'storage' } })];
    expect(attach({}, { devices })).toMatchObject([
      {
        reason: 'device-in-use-by-vm',
        where,
        expected: 'held by the host',
        actual: 'held by VM storage',
      },
    ]);
  });

  it('a device that the VM has already', () => {
    const devices = [device(card, { holder: { kind: 'vm', vm: vmName } })];
    expect(attach({}, { devices })).toMatchObject([{ reason: 'device-already-attached', where }]);
  });

  it.each([
    [{ kind: 'nobody', driver: 'vfio-pci' } as const, 'driver vfio-pci, no VM'],
    [{ kind: 'nobody', driver: null } as const, 'driver none, no VM'],
    [{ kind: 'unknown', why: 'sysfs does not answer' } as const, 'unreadable: sysfs does not answer'],
  ])('a device in limbo: %j', (holder, actual) => {
    expect(attach({}, { devices: [device(card, { holder })] })).toMatchObject([
      { reason: 'device-in-limbo', where, expected: 'held by the host', actual },
    ]);
  });

  it('a device that the host uses, with every use', () => {
    const uses: HostUse[] = [
      { kind: 'mount', detail: '/srv' },
      { kind: 'swap', detail: '/dev/nvme0n1p2' },
    ];
    expect(attach({}, { devices: [device(card, { uses })] })).toMatchObject([
      { reason: 'device-in-use-by-host', where, actual: 'mount /srv; swap /dev/nvme0n1p2' },
    ]);
  });

  it('the use of a member that nobody named', () => {
    const devices = [
      device(card, { unit: 'u' }),
      device(sibling, { unit: 'u', uses: [{ kind: 'default-route', detail: 'eth0' }] }),
    ];
    expect(attach({ wholeUnit: true }, { devices })).toMatchObject([
      { reason: 'device-in-use-by-host', where: { ...where, address: sibling } },
    ]);
  });

  it('a VM without a free port that may not be powered off', () => {
    expect(attach({ powerOff: 'never' }, { vms: [vm({ freePorts: 0 })] })).toMatchObject([
      { reason: 'no-free-port', where: { host, vm: vmName }, expected: '1 free', actual: '0 free' },
    ]);
  });

  it('a VM that would have to be powered off and may not be', () => {
    expect(attach({ powerOff: 'never' }, { capabilities: noHotPlug })).toMatchObject([
      { reason: 'power-off-needed', expected: 'powerOff: allowed', actual: 'powerOff: never' },
    ]);
  });

  it.each(['paused', 'saved', 'unknown'] as const)('a VM that is %s', (power) => {
    expect(attach({}, { vms: [vm({ power })] })).toMatchObject([
      { reason: 'vm-state-unfit', where: { host, vm: vmName }, expected: 'running or off', actual: power },
    ]);
  });

  it.each(['move', 'adopt'] as const)('the action %s, which is not made yet', (action) => {
    expect(attach({ action })).toMatchObject([{ reason: 'action-unsupported', actual: action }]);
  });
});

describe('preflight of a return refuses', () => {
  it('a device that the VM does not have', () => {
    const input = returnInput([card], { view: view({ devices: [device(card)] }) });
    expect(refusals(input)).toMatchObject([
      { reason: 'device-not-attached', where, expected: `held by VM ${vmName}`, actual: 'held by host' },
    ]);
  });

  it('a device of another VM', () => {
    const devices = [device(card, { holder: { kind: 'vm', vm: 'storage' } })];
    expect(refusals(returnInput([card], { view: view({ devices }) }))).toMatchObject([
      { reason: 'device-not-attached', actual: 'held by VM storage' },
    ]);
  });

  it('a device whose way back nobody recorded', () => {
    expect(refusals(returnInput([card], { origins: [] }))).toMatchObject([
      { reason: 'origin-unknown', where },
    ]);
  });

  it('a device whose record is of another VM', () => {
    const input = returnInput([card]);
    const origins = input.origins.map((origin) => ({ ...origin, vm: 'storage' }));
    expect(refusals({ ...input, origins })).toMatchObject([{ reason: 'origin-unknown', where }]);
  });

  it('half a unit without consent', () => {
    const input = returnInput([card, sibling]);
    const devices = input.view.devices.map((one) => ({ ...one, unit: 'u' }));
    const half = { ...input.request, devices: [{ address: card, mode: 'pci' as const }] };
    expect(refusals({ ...input, request: half, view: { ...input.view, devices } })).toMatchObject([
      { reason: 'unit-consent-missing' },
    ]);
  });

  it('a VM that would have to be powered off and may not be', () => {
    const input = returnInput([card]);
    const asked = { ...input.request, powerOff: 'never' as const };
    const seen = { ...input.view, capabilities: noHotPlug };
    expect(refusals({ ...input, request: asked, view: seen })).toMatchObject([
      { reason: 'power-off-needed' },
    ]);
  });

  it('a VM that is paused', () => {
    const input = returnInput([card]);
    expect(refusals({ ...input, view: { ...input.view, vms: [vm({ power: 'paused' })] } })).toMatchObject([
      { reason: 'vm-state-unfit', actual: 'paused' },
    ]);
  });
});

describe('an address in a request', () => {
  it('may be typed short and in capitals', () => {
    const devices = [device('0000:ab:00.0')];
    const asked = { devices: [{ address: 'AB:00.0', mode: 'pci' as const }] };
    expect(planChange(planInput({ request: request(asked), view: view({ devices }) }))).toMatchObject({
      ok: true,
      plan: { basis: { devices: [{ address: '0000:ab:00.0' }] } },
    });
  });

  it('may be named twice without being moved twice', () => {
    const twice = [
      { address: disk, mode: 'pci' as const },
      { address: '05:00.0', mode: 'pci' as const },
    ];
    const planned = planChange(planInput({ request: request({ devices: twice }) }));
    expect(planned).toMatchObject({ ok: true, plan: { basis: { devices: [{ address: disk }] } } });
  });
});
