import type { Act } from '../../../domain/act.js';
import { fingerprintDifferences } from '../../../domain/device.js';
import { refuse } from './refusal.js';
import { deviceOf, unitOf, vmOf } from './hardware.js';
import { holdingVm, type MachineDevice, type MachineHost, names, passthroughDriver } from './state.js';

/** That the act speaks of what is really there: asked before anything else, also when nothing is to be done. */
export function checkIdentity(host: MachineHost, act: Act): void {
  if (act.vm) {
    const vm = vmOf(host, act.vm.name);
    if (vm.uuid !== act.vm.uuid) {
      refuse('no-such-vm', 'another VM has this name now', {
        vm: vm.name,
        expected: act.vm.uuid,
        actual: vm.uuid,
      });
    }
  }
  if (act.device) {
    const device = deviceOf(host, act.device.address);
    const [difference] = fingerprintDifferences(act.device.fingerprint, device.fingerprint);
    if (difference)
      refuse('other-device', 'another device is at this address', {
        address: device.address,
        ...difference,
      });
    const members = unitOf(host, device)
      .filter((one) => !one.bridge)
      .map((one) => one.address)
      .sort();
    const planned = [...act.device.members].sort();
    if (members.join() !== planned.join()) {
      refuse('other-unit', 'the unit has other members now', {
        address: device.address,
        expected: planned.join(', '),
        actual: members.join(', '),
      });
    }
  }
}

/** The last line, immediately before acting: what the plan saw may have changed a second ago. */
export function checkRules(host: MachineHost, act: Act): void {
  switch (act.verb) {
    case 'dismount':
      return mayLeaveHost(host, deviceOf(host, act.device?.address));
    case 'mount':
      return mayReturnToHost(host, deviceOf(host, act.device?.address));
    case 'attach':
      return mayEnterVm(host, act, deviceOf(host, act.device?.address));
    case 'detach':
      return mayLeaveVm(host, act);
    default:
  }
}

function mayLeaveHost(host: MachineHost, device: MachineDevice): void {
  const { address } = device;
  if (host.iommu === 'off') refuse('no-iommu', 'the host has no IOMMU groups', { address });
  if (host.missing.length > 0)
    refuse('no-modules', 'the host lacks modules', { address, actual: host.missing.join(', ') });
  if (device.bridge) refuse('is-bridge', 'a bridge stays with the host', { address, actual: device.name });
  if (device.uses.length > 0) {
    const actual = device.uses.map((use) => `${use.kind} ${use.detail}`).join('; ');
    refuse('host-uses-it', 'the host uses the device', { address, expected: 'not in use', actual });
  }
  const vm = host.vms.find((one) => names(one, address));
  if (vm)
    refuse('vm-holds-it', 'a VM names the device', { address, expected: 'no VM', actual: `VM ${vm.name}` });
}

function mayReturnToHost(host: MachineHost, device: MachineDevice): void {
  for (const member of unitOf(host, device)) {
    const vm = host.vms.find((one) => names(one, member.address));
    if (!vm) continue;
    refuse('vm-holds-it', 'a member of the unit is still with a VM', {
      address: device.address,
      expected: 'no member with a VM',
      actual: `${member.address} with VM ${vm.name}`,
    });
  }
}

function mayEnterVm(host: MachineHost, act: Act, device: MachineDevice): void {
  const vm = vmOf(host, act.vm?.name);
  const at = { address: device.address, vm: vm.name };
  const wanted = act.placement === 'cold' ? ['off', 'crashed'] : ['running'];
  if (!wanted.includes(vm.power)) {
    refuse('wrong-power', `VM can't take the device ${act.placement ?? 'hot'}`, {
      ...at,
      expected: wanted.join(' or '),
      actual: vm.power,
    });
  }
  const holder = holdingVm(host, device);
  if (holder && holder !== vm)
    refuse('vm-holds-it', 'another VM holds the device', { ...at, actual: `VM ${holder.name}` });
  const staying = unitOf(host, device).find(
    (one) => !one.bridge && !(one.reserved && one.driver === passthroughDriver),
  );
  if (staying) {
    refuse('not-viable', 'a member of the unit is not dismounted', {
      ...at,
      expected: `every member of unit ${device.unit} dismounted`,
      actual: `${staying.address} has driver ${staying.driver ?? 'none'}`,
    });
  }
}

function mayLeaveVm(host: MachineHost, act: Act): void {
  const vm = vmOf(host, act.vm?.name);
  const live = vm.live.includes(act.device?.address ?? '');
  if (act.placement === 'cold' && live) {
    const at = { address: act.device?.address ?? '', vm: vm.name };
    refuse('wrong-power', 'VM has the device plugged in', { ...at, expected: 'off', actual: vm.power });
  }
}
