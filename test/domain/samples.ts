import type { ChangeRequest } from '../../domain/change.js';
import type { DeviceFacts } from '../../domain/device.js';
import type { Capabilities, HostView, VmFacts } from '../../domain/hypervisor.js';
import type { Origin } from '../../domain/origin.js';
import type { Plan } from '../../domain/plan.js';
import { type PlanInput, planChange } from '../../domain/planning.js';
import { defaultRequirements } from '../../domain/review.js';

export const host = 'kvm-01';
export const vmName = 'voip-gateway';
export const card = '0000:02:00.0';
export const sibling = '0000:02:00.1';
export const bridge = '0000:00:1e.0';
export const disk = '0000:05:00.0';

export function device(address: string, more: Partial<DeviceFacts> = {}): DeviceFacts {
  return {
    address,
    mode: 'pci',
    name: `device at ${address}`,
    fingerprint: { vendor: '1b36', device: '0010', serial: `N-${address}` },
    unit: `unit of ${address}`,
    bridge: false,
    holder: { kind: 'host', driver: 'nvme' },
    resetMethods: ['flr'],
    uses: [],
    isolation: 'isolated',
    ...more,
  };
}

export function vm(more: Partial<VmFacts> = {}): VmFacts {
  return {
    name: vmName,
    uuid: '6f2c0a52-5b0e-4d58-9a55-6d0f6f6b1c11',
    power: 'running',
    memoryMiB: 2048,
    freePorts: 4,
    devices: [],
    settings: { onHostStop: 'save' },
    labels: {},
    ...more,
  };
}

export const capabilities: Capabilities = {
  hotAttach: true,
  fencesEveryAct: true,
  dismountMayNeedReboot: false,
  pinsMemory: true,
  vmLoses: ['live migration'],
};

export function view(more: Partial<HostView> = {}): HostView {
  return {
    host: { id: host, identity: 'machine-a', bootId: 'boot-1', isolation: 'on', missing: [] },
    capabilities,
    devices: [device(card), device(disk)],
    vms: [vm()],
    ...more,
  };
}

export function request(more: Partial<ChangeRequest> = {}): ChangeRequest {
  return {
    action: 'attach',
    host,
    site: 'lab',
    vm: vmName,
    devices: [{ address: card, mode: 'pci' }],
    wholeUnit: false,
    powerOff: 'allowed',
    onUnhealthy: 'undo',
    class: 'normal',
    reason: 'the gateway moves',
    ...more,
  };
}

export function planInput(more: Partial<PlanInput> = {}): PlanInput {
  return {
    request: request(),
    view: view(),
    origins: [],
    requirements: defaultRequirements,
    probe: 'agent',
    ...more,
  };
}

export function planOf(input: PlanInput): Plan {
  const planned = planChange(input);
  if (planned.ok) return planned.plan;
  throw new Error(`there is no plan: ${planned.failures.map(({ message }) => message).join(' ')}`);
}

export function originOf(found: DeviceFacts, more: Partial<Origin> = {}): Origin {
  return {
    address: found.address,
    vm: vmName,
    changeId: 'the-attach',
    hostDriver: 'nvme',
    fingerprint: found.fingerprint,
    settings: {},
    ...more,
  };
}

/** What a return is planned from: the VM holds the devices, and the register knows where they came from. */
export function returnInput(addresses: string[], more: Partial<PlanInput> = {}): PlanInput {
  const held = addresses.map((address) => device(address, { holder: { kind: 'vm', vm: vmName } }));
  const devices = addresses.map((address) => ({ address, mode: 'pci' as const }));
  return planInput({
    request: request({ action: 'return', devices }),
    view: view({ devices: held }),
    origins: held.map((one) => originOf(one)),
    ...more,
  });
}
