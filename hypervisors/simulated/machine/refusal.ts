/** Every way in which the simulated host says no, in its own words; `faults.ts` tells what they mean. */
export const refusalCodes = [
  'bad-request',
  'no-such-host',
  'no-such-device',
  'no-such-vm',
  'other-host',
  'other-device',
  'other-unit',
  'no-guard-state',
  'old-epoch',
  'locked',
  'no-iommu',
  'no-modules',
  'is-bridge',
  'host-uses-it',
  'vm-holds-it',
  'not-viable',
  'no-port',
  'wrong-power',
  'power-stays',
  'pin-limit',
  'guest-silent',
  'no-driver',
  'no-effect',
  'dead',
  'denied',
  'unreachable',
  'failed',
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

export interface RefusalParts {
  code: RefusalCode;
  text: string;
  address?: string;
  vm?: string;
  expected?: string;
  actual?: string;
}

export class Refusal extends Error {
  constructor(readonly parts: RefusalParts) {
    super(parts.text);
    this.name = 'Refusal';
  }
}

export function refuse(
  code: RefusalCode,
  text: string,
  more: Omit<RefusalParts, 'code' | 'text'> = {},
): never {
  throw new Refusal({ code, text, ...more });
}
