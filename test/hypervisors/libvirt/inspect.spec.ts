import { afterEach, describe, expect, it } from '@jest/globals';
import { createHost, type FileHost, identity, voip } from './world.js';

let host: FileHost;
afterEach(() => host.remove());

describe('a look at a KVM host', () => {
  it('does not take an address for a device: fingerprint, unit, holder and reset are read from sysfs', async () => {
    host = createHost();
    const view = await host.hypervisor().inspect({ host: 'kvm-01' });
    const of = (address: string) => view.devices.find((one) => one.address === address);
    expect(view.host).toEqual({
      id: 'kvm-01',
      identity,
      bootId: 'b7d5c1f0-0000-4000-8000-000000000001',
      isolation: 'on',
      missing: [],
    });
    expect(of('0000:02:00.0')).toEqual({
      address: '0000:02:00.0',
      mode: 'pci',
      name: 'Red Hat, Inc. QEMU NVM Express Controller',
      fingerprint: { vendor: '1b36', device: '0010', subsystem: '1af4:1100', class: '010802', serial: 'N0' },
      unit: 'iommu:0000:02:00.0',
      bridge: false,
      holder: { kind: 'host', driver: 'nvme' },
      resetMethods: ['flr', 'bus'],
      uses: [],
      isolation: 'isolated',
    });
    expect(of('0000:04:00.0')?.holder).toEqual({ kind: 'host', driver: null });
    expect(of('0000:07:02.0')).toMatchObject({ unit: 'iommu:0000:06:00.0', resetMethods: [] });
    expect(of('0000:06:00.0')).toMatchObject({ unit: 'iommu:0000:06:00.0', bridge: true });
    expect(view.vms.find((one) => one.name === voip.name)).toMatchObject({
      uuid: voip.uuid,
      power: 'running',
      memoryMiB: 256,
      freePorts: 4,
      devices: [],
    });
  });
});
