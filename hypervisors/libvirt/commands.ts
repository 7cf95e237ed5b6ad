import { XMLBuilder } from 'fast-xml-parser';
import { type Act, actName, type NativeCommand } from '../../domain/act.js';
import { parsePciAddress } from '../../domain/device.js';
import { failure, SlipwayError } from '../../domain/failures.js';

/** Stands for what is known only when the act runs: the operation's id, and the free port the guard picks. */
const operation = '{opId}';
const freePort = '{freePort}';

/**
 * Every virsh command the guard may run for an act, in order; of `start` and `resume` it runs the one that
 * fits, and `destroy` only when the guest does not answer. The device's XML comes on standard input.
 */
export function commandsOf(act: Act): NativeCommand[] {
  switch (act.verb) {
    case 'dismount':
      return [
        { tool: 'modprobe', argv: ['-q', '-a', '--', 'vfio-pci', 'vfio_iommu_type1'] },
        virsh('nodedev-detach', nodeName(act)),
      ];
    case 'mount':
      return [virsh('nodedev-reattach', nodeName(act))];
    case 'attach':
      return placesOf(act).map((place) => withDevice('attach-device', act, place, attachedXml(act)));
    case 'detach':
      return placesOf(act).map((place) => withDevice('detach-device', act, place, deviceXml(act)));
    case 'quiesce':
      return [
        virsh('shutdown', uuidOf(act), '--mode', 'agent'),
        virsh('shutdown', uuidOf(act), '--mode', 'acpi'),
        ...(act.force ? [virsh('destroy', uuidOf(act))] : []),
      ];
    case 'resume':
      return [virsh('start', uuidOf(act)), virsh('resume', uuidOf(act))];
    case 'prepare':
    case 'restore':
      return [];
  }
}

/** The running VM first, then its definition; each is checked before the next. */
function placesOf(act: Act): string[] {
  return act.placement === 'cold' ? ['--config'] : ['--live', '--config'];
}

function withDevice(command: string, act: Act, place: string, xml: string): NativeCommand {
  return { ...virsh(command, uuidOf(act), '/proc/self/fd/0', place), input: xml };
}

function virsh(...words: string[]): NativeCommand {
  return { tool: 'virsh', argv: ['-c', 'qemu:///system', ...words] };
}

/** libvirt's name of the host's device, e.g. `pci_0000_02_00_0`. */
function nodeName(act: Act): string {
  return `pci_${addressOf(act).replace(/[:.]/g, '_')}`;
}

const builder = new XMLBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  suppressEmptyNode: true,
});

/** `managed='no'`: taking it from the host and giving it back are steps of their own, each observed. */
function deviceXml(act: Act, more: object = {}): string {
  const [domain, bus, slot, fn] = addressOf(act).split(/[:.]/);
  const address = attributes({
    domain: `0x${domain}`,
    bus: `0x${bus}`,
    slot: `0x${slot}`,
    function: `0x${fn}`,
  });
  const hostdev = {
    ...attributes({ mode: 'subsystem', type: 'pci', managed: 'no' }),
    source: { address },
    ...more,
  };
  return builder.build({ hostdev });
}

/** The alias tells whose it is; the address names a root port, since libvirt finds none for a conventional device. */
function attachedXml(act: Act): string {
  return deviceXml(act, {
    alias: attributes({ name: `ua-${operation}` }),
    address: attributes({ type: 'pci', domain: '0x0000', bus: freePort, slot: '0x00', function: '0x0' }),
  });
}

function attributes(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`@${name}`, value]));
}

function addressOf(act: Act): string {
  const { address } = act.device ?? {};
  if (address !== undefined && parsePciAddress(address) && /^[0-9a-f]{4}:/.test(address)) return address;
  throw invalid(act, 'device', 'a PCI address such as 0000:02:00.0', address);
}

function uuidOf(act: Act): string {
  const { uuid } = act.vm ?? {};
  if (uuid !== undefined && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) return uuid;
  throw invalid(act, 'vm', 'the uuid of a VM', uuid);
}

function invalid(act: Act, field: string, expected: string, actual: string | undefined): SlipwayError {
  const shown =
    actual === undefined ? `none in ${JSON.stringify(actName(act))}` : JSON.stringify(actual.slice(0, 80));
  return new SlipwayError(
    failure('request-invalid', { where: { host: act.host, field }, expected, actual: shown }),
  );
}
