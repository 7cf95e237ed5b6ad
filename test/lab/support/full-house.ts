import { domainXml } from '../../../lab/kvm/domains.mjs';
import type { LabHost } from './lab-host.js';

const name = 'full-house';

/** A guest like the others, but its only port is taken: nothing can be plugged in while it runs. */
export async function withFullHouse(host: LabHost, work: () => Promise<void>): Promise<void> {
  await host.run('virsh -q define /proc/self/fd/0', fullHouseXml());
  try {
    await work();
  } finally {
    await host.tries(`virsh destroy ${name}`);
    await host.run(`virsh -q undefine ${name}`);
  }
}

function fullHouseXml(): string {
  const uuid = '6f1d2b40-0c55-4c0e-9d7e-1c3a5e7f9004';
  const taken = `<rng model='virtio'><backend model='random'>/dev/urandom</backend>
    <address type='pci' domain='0' bus='1' slot='0' function='0'/></rng>`;
  const portsAfterTheFirst = / *<controller type='pci' index='2'[^]*?(?=<controller type='usb')/;
  const xml = domainXml({ name, uuid, memory: 224, boots: true }).replace(portsAfterTheFirst, taken);
  if (xml.includes("index='2'") || !xml.includes('<rng'))
    throw new Error(`the lab's guests have changed: ${xml}`);
  return xml;
}
