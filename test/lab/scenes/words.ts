import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { reasonOf } from '../../../hypervisors/libvirt/faults.js';
import { until } from '../../hypervisors/orders.js';
import {
  backup,
  cardFirst,
  cardSecond,
  createHost,
  type FileHost,
  nvme,
  voip,
} from '../../hypervisors/libvirt/world.js';
import type { LabHost } from '../support/lab-host.js';
import { patienceMs } from '../support/product.js';

interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** Devices and VMs by the part they play, and a virsh that is told about them. */
interface World {
  names: Record<'NVME' | 'FIRST' | 'SECOND' | 'PORT' | 'NOWHERE' | 'VM' | 'HUNG', string>;
  virsh(words: string[], xml?: string): Promise<Said>;
}

type Line = [command: string, ...words: string[]];

/** What an operator types, in parts of the world; `gone` waits until the running VM no longer names the device. */
const script: Line[] = [
  ['attach-device', 'VM', 'NVME', '--live'],
  ['nodedev-detach', 'NVME'],
  ['nodedev-detach', 'NVME'],
  ['attach-device', 'VM', 'NVME', '--live'],
  ['attach-device', 'VM', 'NVME', '--live'],
  ['nodedev-detach', 'NVME'],
  ['nodedev-reattach', 'NVME'],
  ['attach-device', 'VM', 'NVME', '--config'],
  ['attach-device', 'VM', 'NVME', '--config'],
  ['detach-device', 'VM', 'NVME', '--config'],
  ['detach-device', 'VM', 'NVME', '--config'],
  ['attach-device', 'HUNG', 'NVME', '--live'],
  ['detach-device', 'HUNG', 'NVME', '--live'],
  ['resume', 'HUNG'],
  ['destroy', 'HUNG'],
  ['start', 'HUNG'],
  ['start', 'HUNG'],
  ['attach-device', 'HUNG', 'NVME', '--live'],
  ['detach-device', 'VM', 'NVME', '--live'],
  ['gone', 'VM', 'NVME'],
  ['detach-device', 'VM', 'NVME', '--live'],
  // A guest without an operating system: exit code 0 each time, and nothing has happened.
  ['attach-device', 'HUNG', 'NVME', '--live'],
  ['detach-device', 'HUNG', 'NVME', '--live'],
  ['still', 'HUNG', 'NVME'],
  ['shutdown', 'HUNG', '--mode', 'acpi'],
  ['domstate', 'HUNG'],
  ['shutdown', 'HUNG', '--mode', 'agent'],
  ['destroy', 'HUNG'],
  ['nodedev-reattach', 'NVME'],
  ['nodedev-reattach', 'NVME'],
  // One function of a card goes nowhere without the other.
  ['nodedev-detach', 'FIRST'],
  ['attach-device', 'VM', 'FIRST', '--live'],
  ['nodedev-detach', 'SECOND'],
  ['attach-device', 'VM', 'FIRST', '--live'],
  ['attach-device', 'VM', 'SECOND', '--live'],
  ['detach-device', 'VM', 'FIRST', '--live'],
  ['gone', 'VM', 'FIRST'],
  ['nodedev-reattach', 'FIRST'],
  ['detach-device', 'VM', 'SECOND', '--live'],
  ['gone', 'VM', 'SECOND'],
  ['nodedev-reattach', 'SECOND'],
  ['nodedev-reattach', 'FIRST'],
  ['attach-device', 'VM', 'PORT', '--live'],
  ['attach-device', 'VM', 'NOWHERE', '--live'],
  ['nodedev-detach', 'NOWHERE'],
];

/** The tests that need no host believe a virsh made of files: here it is compared with a real one, word by word. */
export function wordsOfVirsh(host: () => LabHost): void {
  describe('the virsh made of files, on which the tests of the adapter stand', () => {
    it(
      'says in every situation what a real one says',
      async () => {
        const files = createHost();
        try {
          files.update((state) => {
            for (const domain of state.domains)
              if (domain.name === backup.name)
                Object.assign(domain, { guest: 'hung', obeys: [], agent: false });
          });
          await host().run('virsh -q destroy hung-guest');
          const real = await play(realWorld(host()));
          const told = await play(worldOfFiles(files));
          expect(told).toEqual(real);
          for (const line of real.filter((one) => one.includes(' 1: ')))
            expect({ line, known: reasonOf(line) !== 'act-refused' || isNobodysFault(line) }).toEqual({
              line,
              known: true,
            });
        } finally {
          await files.remove();
          await host().tries('virsh destroy hung-guest; virsh start hung-guest');
        }
      },
      patienceMs,
    );
  });
}

/** Mistakes of this script, not of a host: the product never starts what runs, nor resumes what is off. */
function isNobodysFault(line: string): boolean {
  return /^(start|resume|shutdown) /.test(line);
}

async function play({ names, virsh }: World): Promise<string[]> {
  const told: string[] = [];
  for (const [command, ...words] of script) {
    const actual = words.map((word) => names[word as keyof World['names']] ?? word);
    const named = async (): Promise<boolean> => {
      const { stdout } = await virsh(['dumpxml', actual[0]!]);
      return (
        stdout.includes(sourceOf(actual[1]!)) || stdout.includes(sourceOf(actual[1]!).replaceAll("'", '"'))
      );
    };
    if (command === 'gone')
      await until(`${words.join(' ')} is gone`, async () => !(await named()), patienceMs);
    else if (command === 'still') expect({ words, named: await named() }).toEqual({ words, named: true });
    else told.push(`${[command, ...words].join(' ')} → ${plain(await say(virsh, command, actual), names)}`);
  }
  return told;
}

function say(
  virsh: World['virsh'],
  command: string,
  [first = '', second = '', ...rest]: string[],
): Promise<Said> {
  if (command.startsWith('nodedev-')) return virsh([command, `pci_${first.replace(/[:.]/g, '_')}`]);
  if (!command.endsWith('-device')) return virsh([command, first, second, ...rest].filter(Boolean));
  const xml = `<hostdev mode='subsystem' type='pci' managed='no'><source>${sourceOf(second)}</source></hostdev>`;
  return virsh([command, first, '/proc/self/fd/0', ...rest], xml);
}

function sourceOf(address: string): string {
  const [domain, bus, slot, fn] = address.split(/[:.]/);
  return `<address domain='0x${domain}' bus='0x${bus}' slot='0x${slot}' function='0x${fn}'/>`;
}

/** Code and words, with the names of this world replaced by the parts they play, and numbers that pass left out. */
function plain({ code, stdout, stderr }: Said, names: World['names']): string {
  let text = `${code}: ${[stdout, stderr]
    .map((one) => one.trim())
    .filter(Boolean)
    .join(' ⏎ ')}`;
  for (const [part, name] of Object.entries(names))
    text = text.replaceAll(name, part).replaceAll(`pci_${name.replace(/[:.]/g, '_')}`, part);
  return text
    .replace(/group \d+/g, 'group 0')
    .replace(/from \S+$/gm, 'from FILE')
    .replaceAll('\n', ' ⏎ ');
}

function realWorld(host: LabHost): World {
  const [first = '', second = ''] = host.addresses('card');
  const names = {
    NVME: host.address('nvme-1'),
    FIRST: first,
    SECOND: second,
    PORT: '0000:00:02.0',
    NOWHERE: '0000:fe:00.0',
    VM: 'voip-gateway',
    HUNG: 'hung-guest',
  };
  return {
    names,
    virsh: (words, xml) => host.tries(`virsh -c qemu:///system ${words.join(' ')}`, xml),
  };
}

function worldOfFiles(files: FileHost): World {
  const names = {
    NVME: nvme.address,
    FIRST: cardFirst.address,
    SECOND: cardSecond.address,
    PORT: '0000:00:02.0',
    NOWHERE: '0000:fe:00.0',
    VM: voip.name,
    HUNG: backup.name,
  };
  return {
    names,
    virsh(words, xml) {
      const argv = ['-c', 'qemu:///system', ...words];
      const { status, stdout, stderr } = spawnSync(files.at('/fake/virsh'), argv, {
        input: xml ?? '',
        encoding: 'utf8',
      });
      return Promise.resolve({ code: status ?? -1, stdout, stderr });
    },
  };
}
