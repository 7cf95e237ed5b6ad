import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EstateHost, References } from '../config/estate.js';
import { failure, SlipwayError } from '../domain/failures.js';
import type { Hypervisor } from '../domain/hypervisor.js';
import { createLibvirtHypervisor, type LibvirtOptions } from './libvirt/adapter.js';
import { createSimulatedHypervisor } from './simulated/adapter.js';

/** What the process that makes adapters knows and the estate does not; each kind takes what it needs. */
export type Surroundings = Partial<Pick<LibvirtOptions, 'runtimeDir' | 'isKnownHost' | 'faults'>>;

/** The only place that names the kinds of hypervisor: everything else knows the port. */
export function createHypervisor(
  host: EstateHost,
  references: References,
  surroundings: Surroundings = {},
): Hypervisor {
  switch (host.hypervisor) {
    case 'simulated': {
      const { url } = host.connect.simulator;
      const resolved = url.startsWith('env:') ? follow(host, () => references.valueOf(url)) : url;
      return createSimulatedHypervisor({ hostId: host.id, url: resolved });
    }
    case 'libvirt': {
      const { identity, knownHosts, ...ssh } = host.connect.ssh;
      const identityFile = follow(host, () => references.pathOf(identity));
      const knownHostsFile = follow(host, () => references.pathOf(knownHosts));
      const runtimeDir = surroundings.runtimeDir ?? privateDirectory();
      return createLibvirtHypervisor({
        ...surroundings,
        ...(host.patience ? { patience: host.patience } : {}),
        hostId: host.id,
        ssh: { ...ssh, identityFile, knownHostsFile },
        runtimeDir,
      });
    }
    default:
      throw unavailable(host);
  }
}

let directory: string | undefined;

/** Of this process alone, and short: sockets of shared connections lie in it. */
function privateDirectory(): string {
  directory ??= mkdtempSync(join(tmpdir(), 'slipway-'));
  return directory;
}

function follow(host: EstateHost, reference: () => string): string {
  try {
    return reference();
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new SlipwayError(failure('access-denied', { where: { host: host.id }, cause }), { cause: error });
  }
}

function unavailable({ id, hypervisor }: EstateHost): SlipwayError {
  return new SlipwayError(
    failure('action-unsupported', {
      where: { host: id, field: 'hypervisor' },
      expected: 'libvirt or simulated',
      actual: `${hypervisor}, which is not available yet in this build`,
    }),
  );
}
