import { refuse } from './refusal.js';
import { type MachineDevice, type MachineHost, type MachineVm, passthroughDriver, runsOn } from './state.js';

export function deviceOf(host: MachineHost, address: string | undefined): MachineDevice {
  const device = host.devices.find((one) => one.address === address);
  return (
    device ??
    refuse('no-such-device', `no device with this address on host ${host.id}`, {
      actual: JSON.stringify(address),
    })
  );
}

export function vmOf(host: MachineHost, name: string | undefined): MachineVm {
  const vm = host.vms.find((one) => one.name === name);
  return (
    vm ?? refuse('no-such-vm', `no VM of this name on host ${host.id}`, { actual: JSON.stringify(name) })
  );
}

/** What a hypervisor itself demands when a device is plugged into a running VM. */
export function plugIn(host: MachineHost, vm: MachineVm, device: MachineDevice): void {
  const at = { vm: vm.name, address: device.address };
  if (vm.power !== 'running')
    refuse('wrong-power', 'VM is not running', { ...at, expected: 'running', actual: vm.power });
  if (vm.live.length >= vm.ports)
    refuse('no-port', 'no more available hot-plug ports', { ...at, actual: '0 free' });
  takeOver(host, vm, device);
}

function takeOver(host: MachineHost, vm: MachineVm, device: MachineDevice): void {
  const at = { vm: vm.name, address: device.address };
  if (host.iommu === 'off') refuse('no-iommu', 'host doesn’t support passthrough of devices', at);
  const holder = host.vms.find((one) => one !== vm && one.live.includes(device.address));
  if (holder) refuse('vm-holds-it', `device ${device.address} is in use by VM ${holder.name}`, at);
  const staying = unitOf(host, device).find(
    (one) => !one.bridge && one.driver !== null && one.driver !== passthroughDriver,
  );
  if (staying) {
    const actual = `${staying.address} is bound to ${staying.driver}`;
    refuse('not-viable', `unit ${device.unit} is not viable`, {
      ...at,
      expected: 'every member dismounted',
      actual,
    });
  }
  if (device.driver !== passthroughDriver) {
    refuse('not-viable', `device ${device.address} is not dismounted`, {
      ...at,
      expected: passthroughDriver,
      actual: 'no driver',
    });
  }
  const pinned = host.vms
    .filter((one) => one === vm || one.live.length > 0)
    .reduce((sum, one) => sum + one.memoryMiB, 0);
  if (pinned > host.pinnableMiB) {
    refuse('pin-limit', 'cannot pin the memory of the VM', {
      ...at,
      expected: `at most ${host.pinnableMiB} MiB`,
      actual: `${pinned} MiB`,
    });
  }
}

export function unitOf(host: MachineHost, device: MachineDevice): MachineDevice[] {
  return host.devices.filter((one) => one.unit === device.unit);
}

export function unplug(vm: MachineVm, from: 'live' | 'config', address: string): void {
  vm[from].splice(0, Infinity, ...vm[from].filter((one) => one !== address));
  if (from === 'live') vm.unplugging = vm.unplugging.filter((one) => one.address !== address);
}

export function requestUnplug(vm: MachineVm, address: string, opId: string | null): void {
  if (!runsOn(vm))
    refuse('wrong-power', 'VM is not running', { vm: vm.name, expected: 'running', actual: vm.power });
  if (!vm.unplugging.some((one) => one.address === address)) vm.unplugging.push({ address, opId });
  answerUnplugs(vm);
}

/** A guest that can answer releases what was asked for; one that was hung or paused does so late. */
export function answerUnplugs(vm: MachineVm): void {
  if (vm.power !== 'running' || vm.guest.unplug === 'hung') return;
  for (const { address } of [...vm.unplugging]) unplug(vm, 'live', address);
}

/** Whatever was plugged in is gone with the power; what the definition names comes back at the next start. */
export function powerOff(vm: MachineVm, power: 'off' | 'crashed' = 'off'): void {
  vm.power = power;
  vm.live.length = 0;
  vm.unplugging = [];
}

export function powerOn(host: MachineHost, vm: MachineVm): void {
  if (vm.power === 'saved' || vm.power === 'unknown') {
    refuse('wrong-power', 'VM can’t be started', { vm: vm.name, expected: 'off', actual: vm.power });
  }
  for (const address of vm.config) takeOver(host, vm, deviceOf(host, address));
  vm.live.push(...vm.config);
}
