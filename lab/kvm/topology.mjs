// A topology file: which devices the emulated host has, and where. Read, checked, and given PCI addresses.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { here } from './cache.mjs';
import { LabError } from './process.mjs';

const folder = join(here, 'topologies');

/** Fields each kind must have besides name and kind. */
const kinds = {
  nvme: ['port', 'serial', 'size'],
  nic: ['port', 'mac'],
  'two-function-card': ['port', 'macs'],
  'sriov-nvme': ['port', 'serial', 'size', 'functions'],
  display: ['port'],
  'conventional-pair': ['port', 'macs'],
  empty: ['port'],
  'boot-display': ['slot'],
  'usb-stick': ['serial', 'size'],
};

/** Kinds whose device QEMU cannot migrate: left out of a baked state and plugged in after it is restored. */
export const pluggedLater = ['nvme', 'sriov-nvme'];

export async function readTopology(name) {
  const file = join(folder, `${name}.json`);
  const text = await readFile(file, 'utf8').catch(async () => {
    const known = (await readdir(folder)).map((entry) => entry.replace(/\.json$/, ''));
    throw new LabError(`no topology ${name}`, {
      expected: known.join(', '),
      actual: name,
      remedy: `add ${file}`,
    });
  });
  const topology = { name, ...JSON.parse(text) };
  check(topology, file);
  return {
    ...topology,
    devices: topology.devices.map((device) => ({ ...device, ...place(device, topology) })),
  };
}

function check({ iommu, memory, devices }, file) {
  const refuse = (what, expected, actual) => {
    throw new LabError(`${file}: ${what}`, {
      expected,
      actual: String(actual),
      remedy: 'correct the topology file',
    });
  };
  if (!['intel', 'amd', 'off'].includes(iommu)) refuse('iommu', 'intel, amd or off', iommu);
  if (!(memory >= 1024 && memory <= 4096)) refuse('memory', '1024 to 4096 (MiB)', memory);
  const ports = devices.map(({ port }) => port).filter(Boolean);
  if (new Set(ports).size !== ports.length) refuse('ports', 'each port once', ports);
  if (ports.some((port, at) => port !== at + 1)) refuse('ports', '1, 2, 3 … in this order', ports);
  if (new Set(devices.map(({ name }) => name)).size !== devices.length)
    refuse('names', 'each name once', 'a name twice');
  for (const device of devices) {
    const fields = kinds[device.kind];
    if (!fields) refuse(`device ${device.name}, kind`, Object.keys(kinds).join(', '), device.kind);
    for (const field of fields)
      if (device[field] === undefined) refuse(`device ${device.name}`, `field ${field}`, 'absent');
  }
}

/** Firmware numbers buses in the order of the root ports; a bridge to conventional PCI takes one number more. */
function place({ port, slot, kind }, { devices }) {
  if (slot) return { addresses: [`0000:00:${slot}.0`] };
  if (!port || kind === 'empty') return { addresses: [] };
  const bridges = devices.filter((other) => other.kind === 'conventional-pair' && other.port < port).length;
  const bus = (number) => `0000:${number.toString(16).padStart(2, '0')}`;
  const own = port + bridges;
  if (kind === 'two-function-card') return { addresses: [`${bus(own)}:00.0`, `${bus(own)}:00.1`] };
  if (kind === 'conventional-pair') {
    return { bridge: `${bus(own)}:00.0`, addresses: [`${bus(own + 1)}:01.0`, `${bus(own + 1)}:02.0`] };
  }
  return { addresses: [`${bus(own)}:00.0`] };
}
