import { type HostUse, HostUseKind, normalAddress } from '../../../domain/device.js';
import type { Ledger } from './ledger.js';
import type { RunningHost } from './machine.js';
import { answerUnplugs, deviceOf, powerOff, vmOf } from './hardware.js';
import { parseSimctl } from './simctl.js';
import {
  difference,
  type Entities,
  entitiesOf,
  type Guest,
  type MachineDevice,
  type MachineHost,
  type MachineVm,
} from './state.js';
import { choice, members, text } from './document.js';

/** Something a person or the world does to a host, past the guard: the reason why Slipway observes. */
type Deed = (host: MachineHost, given: Record<string, unknown>) => void;

const deeds: Record<string, Deed> = {
  /** Runs a native command by hand, as an administrator would: `{do: simctl, argv: [...]}`. No rule stops it. */
  simctl(host, given) {
    const argv = Array.isArray(given['argv']) ? given['argv'].map(String) : [];
    const command = parseSimctl(host, { tool: 'simctl', argv });
    if (!command.already()) command.run(null);
  },
  use(host, given) {
    const use: HostUse = {
      kind: choice(given, 'kind', 'use', Object.values(HostUseKind), 'mount'),
      detail: text(given, 'detail', 'use'),
    };
    deviceAt(host, given).uses.push(use);
  },
  unuse(host, given) {
    deviceAt(host, given).uses = [];
  },
  /** Another card in the same slot. */
  swap(host, given) {
    const device = deviceAt(host, given);
    const parts = members(given['fingerprint'], 'swap.fingerprint', [
      'vendor',
      'device',
      'subsystem',
      'class',
      'serial',
      'slot',
    ]);
    for (const part of Object.keys(parts))
      Object.assign(device.fingerprint, { [part]: text(parts, part, 'swap.fingerprint') });
  },
  /** Changes how a guest behaves; one that answers again releases what it was asked for. */
  guest(host, given) {
    const vm = vmAt(host, given);
    const wanted = members(given['guest'], 'guest', Object.keys(vm.guest)) as Partial<Guest>;
    Object.assign(vm.guest, wanted);
    answerUnplugs(vm);
  },
  pause(host, given) {
    const vm = vmAt(host, given);
    if (vm.power === 'running') vm.power = 'paused';
  },
  crash(host, given) {
    powerOff(vmAt(host, given), 'crashed');
  },
  /** The host restarts: every VM is off and every device is back with its own driver. */
  reboot(host) {
    host.vms.forEach((vm) => powerOff(vm));
    host.devices.forEach((device) => Object.assign(device, { reserved: false, driver: device.homeDriver }));
    host.bootId = `boot-${Number(host.bootId.replace(/\D/g, '') || '1') + 1}`;
  },
  /** Another machine answers under the same name. */
  replace(host, given) {
    host.machineId = text(given, 'machineId', 'replace');
  },
};

export const deedNames = [...Object.keys(deeds), 'lose-guard', 'seed-guard'];

/** Does it and writes it down. A device that a guest releases late is the effect of the order that asked for it. */
export function operate(host: RunningHost, ledger: Ledger, body: unknown): void {
  const given = members(body, 'operator');
  const deed = choice(given, 'do', 'operator', deedNames, 'simctl');
  const about = { host: host.state.id, verb: deed };
  if (deed === 'lose-guard' || deed === 'seed-guard') {
    if (deed === 'lose-guard') host.guard.lose();
    else host.guard.seed();
    ledger.append({ kind: deed === 'lose-guard' ? 'guard-lost' : 'guard-seeded', ...about });
    return;
  }
  const before = entitiesOf(host.state);
  deeds[deed]?.(host.state, given);
  const changed = difference(before, entitiesOf(host.state));
  if (!changed) return;
  const late = lateReleases(changed);
  ledger.append({ kind: 'operator', ...about, ...changed });
  for (const release of late)
    ledger.append({
      kind: 'effect',
      late: true,
      host: host.state.id,
      verb: 'detach',
      ...release,
      ...changed,
    });
}

function lateReleases(changed: { before: Entities; after: Entities }): { opId: string; subject: string }[] {
  return Object.entries(changed.before).flatMap(([name, entity]) => {
    const was = entity as MachineVm;
    const is = changed.after[name] as MachineVm;
    if (!name.startsWith('vm ') || is.power !== 'running') return [];
    return was.unplugging
      .filter(
        ({ address, opId }) => opId !== null && was.live.includes(address) && !is.live.includes(address),
      )
      .map(({ address, opId }) => ({ opId: opId ?? '', subject: address }));
  });
}

function deviceAt(host: MachineHost, given: Record<string, unknown>): MachineDevice {
  return deviceOf(host, normalAddress(text(given, 'device', 'operator')));
}

function vmAt(host: MachineHost, given: Record<string, unknown>): MachineVm {
  return vmOf(host, text(given, 'vm', 'operator'));
}
