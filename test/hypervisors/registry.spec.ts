import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type EstateHost, referencesOf } from '../../config/estate.js';
import { createHypervisor } from '../../hypervisors/registry.js';

const directory = mkdtempSync(join(tmpdir(), 'registry-'));
writeFileSync(join(directory, 'k'), '');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const common = { site: 'lab', labels: {} };
const vcenter = { url: 'https://vc.example.net/sdk', user: 'env:U', password: 'env:P' };
const ssh = { host: 'h', port: 22, user: 'u', identity: 'file:k', knownHosts: 'file:n' };

describe('the registry of hypervisors', () => {
  it('makes a simulated host from a URL or from a reference to one', async () => {
    for (const url of ['http://127.0.0.1:9', 'env:URL']) {
      const host: EstateHost = {
        ...common,
        id: 's',
        hypervisor: 'simulated',
        connect: { simulator: { url } },
      };
      const hypervisor = createHypervisor(host, referencesOf('.', { URL: 'http://127.0.0.1:9' }));
      expect(
        hypervisor.commands({
          verb: 'resume',
          host: 's',
          vm: { name: 'v', uuid: '0b1d2c3e-0001-4000-8000-000000000001' },
        }),
      ).toHaveLength(1);
      await hypervisor.close();
    }
  });

  it('names the host and the reference that leads nowhere', () => {
    const host: EstateHost = {
      ...common,
      id: 's',
      hypervisor: 'simulated',
      connect: { simulator: { url: 'env:URL' } },
    };
    expect(() => createHypervisor(host, referencesOf('.', {}))).toThrow(/host s.*env:URL/);
  });

  it('makes a KVM host whose key and known hosts are files, and says which of them is missing', async () => {
    const host: EstateHost = { ...common, id: 'kvm-01', hypervisor: 'libvirt', connect: { ssh } };
    expect(() => createHypervisor(host, referencesOf(directory))).toThrow(/host kvm-01.*file:n/);
    writeFileSync(join(directory, 'n'), '');
    const hypervisor = createHypervisor(host, referencesOf(directory), { runtimeDir: directory });
    expect(
      hypervisor.commands({
        verb: 'resume',
        host: 'kvm-01',
        vm: { name: 'v', uuid: '0b1d2c3e-0001-4000-8000-000000000001' },
      }),
    ).not.toHaveLength(0);
    await hypervisor.close();
  });

  it.each<EstateHost>([
    { ...common, id: 'hv-07', hypervisor: 'hyperv', connect: { ssh, powershell: 'powershell' } },
    { ...common, id: 'esx-01', hypervisor: 'vsphere', connect: { vcenter } },
  ])('says clearly that $hypervisor is not available yet', (host) => {
    expect(() => createHypervisor(host, referencesOf('.', {}))).toThrow(
      /host (hv-07|esx-01).*not available yet in this build/,
    );
  });
});
