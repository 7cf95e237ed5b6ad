import type { EstateHost, References } from '../config/estate.js';
import { failure, SlipwayError } from '../domain/failures.js';
import type { Hypervisor } from '../domain/hypervisor.js';
import { createSimulatedHypervisor } from './simulated/adapter.js';

/** The only place that names the kinds of hypervisor: everything else knows the port. */
export function createHypervisor(host: EstateHost, references: References): Hypervisor {
  switch (host.hypervisor) {
    case 'simulated': {
      const { url } = host.connect.simulator;
      const resolved = url.startsWith('env:') ? follow(host, () => references.valueOf(url)) : url;
      return createSimulatedHypervisor({ hostId: host.id, url: resolved });
    }
    default:
      throw unavailable(host);
  }
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
