import { faults, type LabHost, type Truth } from './lab-host.js';
import type { Product } from './product.js';

/**
 * After a test that failed: brings host and guests back by hand and closes what is open, so that the next test
 * fails for reasons of its own only.
 */
export async function rescue(host: LabHost, product: Product, found: Truth): Promise<void> {
  await faults.startLibvirtd(host.lab);
  if (product.stack.child('worker').pid === undefined) await product.workerReturns();
  await product.calls('operator', 'POST', '/sites/lab:release');
  await product.closesAll();
  const now = await host.truth();
  for (const [name, vm] of Object.entries(now.vms)) await emptyVm(host, name, [...vm.live, ...vm.config]);
  for (const address of Object.keys(found.devices)) {
    if (now.devices[address]?.driver !== found.devices[address]?.driver) await giveBack(host, address);
  }
  for (const [name, { power }] of Object.entries(found.vms)) {
    if (power === 'running') await host.tries(`virsh resume ${name} || virsh start ${name}`);
  }
}

async function emptyVm(host: LabHost, vm: string, addresses: string[]): Promise<void> {
  if (addresses.length === 0) return;
  await host.tries(`virsh destroy ${vm}`);
  for (const address of new Set(addresses)) {
    const [domain, bus, slot, fn] = address.split(/[:.]/);
    const source = `<source><address domain='0x${domain}' bus='0x${bus}' slot='0x${slot}' function='0x${fn}'/></source>`;
    const xml = `<hostdev mode='subsystem' type='pci' managed='no'>${source}</hostdev>`;
    await host.tries(`virsh detach-device ${vm} /proc/self/fd/0 --config`, xml);
  }
}

async function giveBack(host: LabHost, address: string): Promise<void> {
  const device = `/sys/bus/pci/devices/${address}`;
  await host.tries(`echo > ${device}/driver_override; echo ${address} > ${device}/driver/unbind`);
  await host.tries(`echo ${address} > /sys/bus/pci/drivers_probe`);
}
