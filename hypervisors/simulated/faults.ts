import { type Failure, failure, type Reason } from '../../domain/failures.js';
import type { RefusalCode, RefusalParts } from './machine/refusal.js';

/** The simulator's refusals in the product's words: the only place where they meet. */
const reasonOf: Record<RefusalCode, Reason> = {
  'bad-request': 'request-invalid',
  'no-such-host': 'host-unknown',
  'no-such-device': 'device-unknown',
  'no-such-vm': 'vm-unknown',
  'other-host': 'host-identity-changed',
  'other-device': 'fingerprint-mismatch',
  'other-unit': 'plan-changed',
  'no-guard-state': 'guard-missing',
  'old-epoch': 'stale-epoch',
  locked: 'guard-busy',
  'no-iommu': 'iommu-off',
  'no-modules': 'passthrough-unavailable',
  'is-bridge': 'device-is-bridge',
  'host-uses-it': 'device-in-use-by-host',
  'vm-holds-it': 'device-in-use-by-vm',
  'not-viable': 'unit-not-viable',
  'no-port': 'no-free-port',
  'wrong-power': 'vm-state-unfit',
  'power-stays': 'power-state-unreached',
  'pin-limit': 'memory-pin-failed',
  'guest-silent': 'detach-pending',
  'no-driver': 'driver-missing',
  'no-effect': 'act-without-effect',
  dead: 'device-dead',
  denied: 'access-denied',
  unreachable: 'host-unreachable',
  failed: 'act-refused',
};

export function failureOf(host: string, refusal: RefusalParts): Failure {
  const { code, text, address, vm, expected, actual } = refusal;
  return failure(Object.hasOwn(reasonOf, code) ? reasonOf[code] : 'act-refused', {
    where: { host, ...(vm ? { vm } : {}), ...(address ? { address } : {}) },
    ...(expected ? { expected } : {}),
    ...(actual ? { actual } : {}),
    cause: text,
  });
}

/** What went wrong on the way. `sent`: the order may have arrived, so nobody knows what became of it. */
export function transportFailure(host: string, sent: boolean, error: Error): Failure {
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code} ` : '';
  const cause = `${code}${error.message}`;
  if (sent)
    return failure('outcome-unknown', {
      where: { host },
      expected: 'a reply of the simulator',
      actual: 'none',
      cause,
    });
  return failure('host-unreachable', {
    where: { host },
    expected: 'a simulator that answers',
    actual: 'no answer',
    cause,
  });
}
