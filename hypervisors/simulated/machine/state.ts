import type { DeviceMode, Fingerprint, HostUse } from '../../../domain/device.js';
import type { PowerState } from '../../../domain/hypervisor.js';

/** The driver a dismounted device is bound to, so that a VM may take it. */
export const passthroughDriver = 'passthrough';

/** A device as the simulated host keeps it. `reserved`: its own driver may not take it any more. */
export interface MachineDevice {
  address: string;
  mode: DeviceMode;
  name: string;
  fingerprint: Fingerprint;
  unit: string;
  bridge: boolean;
  /** The driver the host's kernel chooses for it. */
  homeDriver: string | null;
  driver: string | null;
  reserved: boolean;
  resetMethods: string[];
  uses: HostUse[];
}

/** How a guest behaves. Real guests do all of this. */
export interface Guest {
  /** `hung`: the request to release a device is never answered, as long as it is hung. */
  unplug: 'obeys' | 'hung';
  shutdown: 'obeys' | 'ignores';
  agent: 'available' | 'unavailable';
  /** Whether a device that is plugged in ever shows up on the guest's bus. */
  sees: 'always' | 'never';
  /** Whether the guest's driver works with it. */
  healthy: boolean;
}

export interface MachineVm {
  name: string;
  uuid: string;
  power: PowerState;
  memoryMiB: number;
  /** All hot-plug ports, taken and free. */
  ports: number;
  /** Addresses in the running VM and in its definition. */
  live: string[];
  config: string[];
  /** Requests to release a device that the guest has not answered. */
  unplugging: { address: string; opId: string | null }[];
  settings: Record<string, string>;
  labels: Record<string, string>;
  guest: Guest;
}

export interface MachineHost {
  id: string;
  machineId: string;
  hostKey: string;
  bootId: string;
  iommu: 'on' | 'off';
  missing: string[];
  /** Memory that VMs with devices may pin, all together. */
  pinnableMiB: number;
  devices: MachineDevice[];
  vms: MachineVm[];
}

export type Entity = Omit<MachineHost, 'devices' | 'vms'> | MachineDevice | MachineVm;
/** Whole entities by name (`host`, `device 0000:02:00.0`, `vm archive`): what an effect changed, before or after. */
export type Entities = Record<string, Entity>;

/** Copies of the entities that are named, of all of them when none is. */
export function entitiesOf(host: MachineHost, wanted?: readonly string[]): Entities {
  const { devices, vms, ...self } = host;
  const all: [string, Entity][] = [
    ['host', self],
    ...devices.map((device): [string, Entity] => [`device ${device.address}`, device]),
    ...vms.map((vm): [string, Entity] => [`vm ${vm.name}`, vm]),
  ];
  return structuredClone(Object.fromEntries(wanted ? all.filter(([name]) => wanted.includes(name)) : all));
}

/** The entities that differ, on both sides; null when nothing does. */
export function difference(before: Entities, after: Entities): { before: Entities; after: Entities } | null {
  const names = Object.keys(after).filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  if (names.length === 0) return null;
  const only = (all: Entities): Entities =>
    Object.fromEntries(names.flatMap((name) => (all[name] ? [[name, all[name]]] : [])));
  return { before: only(before), after: only(after) };
}

/** Puts entities of a ledger entry into a host: the only way in which a state is rebuilt. */
export function restoreEntities(host: MachineHost, entities: Entities): void {
  for (const [name, entity] of Object.entries(structuredClone(entities))) {
    const target =
      name === 'host'
        ? host
        : [...host.devices, ...host.vms].find(
            (one) => name === ('address' in one ? `device ${one.address}` : `vm ${one.name}`),
          );
    if (!target)
      throw new Error(`the ledger names ${name}, which host ${host.id} of the world file does not have`);
    Object.assign(target, entity);
  }
}

export function runsOn(vm: MachineVm): boolean {
  return vm.power === 'running' || vm.power === 'paused';
}

export function names(vm: MachineVm, address: string): boolean {
  return vm.live.includes(address) || vm.config.includes(address);
}

/** A VM that has the device plugged in or, the device being dismounted, would get it at its next start. */
export function holdingVm(host: MachineHost, device: MachineDevice): MachineVm | undefined {
  const live = host.vms.find((vm) => vm.live.includes(device.address));
  return live ?? (device.reserved ? host.vms.find((vm) => vm.config.includes(device.address)) : undefined);
}
