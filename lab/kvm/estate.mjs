// What the lab tells others: an estate file the product takes, known host key, and facts for programs.
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { domains } from './domains.mjs';
import { hostName } from './host-tree.mjs';

/** The client key and the host's public key, as files of the instance. */
export async function writeKeys(lab, image, port) {
  await copyFile(join(image, 'id'), lab.identity);
  const [type, key] = (await readFile(join(image, 'host.pub'), 'utf8')).split(' ');
  await writeFile(lab.knownHosts, `[127.0.0.1]:${port} ${type} ${key}\n`);
}

/** Paths in it are relative to the file itself. */
export async function writeEstate(lab, port) {
  const guests = domains.map(({ name, probe }) => `  ${name}: { probe: ${probe} }`).join('\n');
  const connect = `{ ssh: { host: 127.0.0.1, port: ${port}, user: root, identity: "file:id", knownHosts: "file:known_hosts" } }`;
  await writeFile(
    lab.estate,
    `sites:
  - id: lab
    hosts:
      - id: ${hostName}
        hypervisor: libvirt
        connect: ${connect}
        labels: { env: test }
guests:
${guests}
`,
  );
}

/** Everything a test needs to know of a running lab; written as lab.json. */
export function describe(lab, { pid, port, topology, restored, functions, times }) {
  const byAddress = Object.fromEntries(functions.map((one) => [one.address, one]));
  return {
    name: lab.name,
    topology: topology.name,
    iommu: topology.iommu,
    restored,
    host: hostName,
    guests: domains.map(({ name, uuid, probe }) => ({ name, uuid, probe })),
    ssh: { host: '127.0.0.1', port, user: 'root', identity: lab.identity, knownHosts: lab.knownHosts },
    qemu: { pid, qmp: lab.qmp, log: lab.qemuLog, console: lab.serial },
    estate: lab.estate,
    management: { interface: 'eth0', address: '0000:00:1d.0' },
    devices: topology.devices.map((device) => ({
      ...{
        name: device.name,
        kind: device.kind,
        serial: device.serial,
        port: device.port,
        bridge: device.bridge,
      },
      image: device.size ? lab.disk(device.name) : undefined,
      functions: device.addresses.map((address) => byAddress[address] ?? { address }),
    })),
    times,
  };
}
