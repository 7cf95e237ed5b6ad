/**
 * Every reason for which Slipway says no, stops or asks: one reason per remedy.
 * `remedy` is the operator's next move; `retryable` says whether the same act may simply be tried again.
 */
export interface ReasonFacts {
  title: string;
  remedy: string;
  retryable: boolean;
}

const no = false;
const yes = true;
const reason = (title: string, remedy: string, retryable: boolean): ReasonFacts => ({
  title,
  remedy,
  retryable,
});

export const reasons = {
  // the request
  'request-invalid': reason(
    'The request is not well formed',
    'Correct the field that is named and submit again.',
    no,
  ),
  'host-unknown': reason(
    'The estate has no such host',
    'Use a host id of the estate, or add the host to the estate file.',
    no,
  ),
  'vm-unknown': reason('The host has no such VM', 'Use the name of a VM that is defined on this host.', no),
  'device-unknown': reason(
    'The host has no such device',
    'Use an address or alias shown by `slipway device list`.',
    no,
  ),
  'fingerprint-mismatch': reason(
    'Another device is at this address',
    'Check which card is meant, then correct the address or the fingerprint.',
    no,
  ),
  'action-unsupported': reason(
    'This action is not supported for this mode or host',
    'Choose an action that the host is capable of.',
    no,
  ),
  'window-past': reason('The window is over', 'Submit with a window that ends in the future.', no),
  // preflight: the host and the device
  'iommu-off': reason(
    'The host has no active IOMMU',
    'Enable the IOMMU in firmware and on the kernel command line, then reboot the host.',
    no,
  ),
  'passthrough-unavailable': reason(
    'The host lacks what passthrough needs',
    'Load the modules vfio-pci and vfio_iommu_type1 on the host, then submit again.',
    no,
  ),
  'device-is-bridge': reason('A bridge can’t be moved', 'Name the endpoint behind the bridge.', no),
  'unit-consent-missing': reason(
    'Other devices must move together with this one',
    'Set wholeUnit: true to let the whole unit leave the host, or choose another device.',
    no,
  ),
  'device-in-use-by-vm': reason('Another VM holds the device', 'Return the device from that VM first.', no),
  'device-in-use-by-host': reason(
    'The host uses the device',
    'End the use that is named (unmount, swapoff, take it out of the volume group or the bridge), then submit again.',
    no,
  ),
  'device-already-attached': reason(
    'The VM has the device already',
    'Nothing to do; use `adopt` to take the assignment under management.',
    no,
  ),
  'device-not-attached': reason(
    'The VM does not have the device',
    'Check which VM holds it with `slipway device list`.',
    no,
  ),
  'device-in-limbo': reason(
    'Nobody holds the device: it is neither with the host nor with a VM',
    'Find out what left it so; give it back to its driver, then submit again.',
    no,
  ),
  'device-quarantined': reason(
    'The device is in quarantine',
    'An operator must inspect the device and release it.',
    no,
  ),
  'origin-unknown': reason(
    'No attach under management tells the way back',
    'Use `adopt` first, which records where the device belongs.',
    no,
  ),
  // preflight: the VM
  'no-free-port': reason(
    'The VM has no free hot-plug port',
    'Allow powerOff so that it can be attached cold, or add a port to the VM.',
    no,
  ),
  'power-off-needed': reason(
    'The VM would have to be powered off',
    'Set powerOff: allowed, or choose another time or VM.',
    no,
  ),
  'vm-state-unfit': reason(
    'The VM is in a state in which nothing can be attached',
    'Bring the VM to running or off (resume it, discard its saved state), then submit again.',
    no,
  ),
  'verify-impossible': reason(
    'No probe is configured for the guest',
    'Configure the guest in the estate: agent, ssh or none.',
    no,
  ),
  // waiting and the gate
  'plan-changed': reason('The world differs from the reviewed plan', 'Review the new plan.', no),
  'claimed-elsewhere': reason(
    'Another change holds what this one needs',
    'Wait for it to end, or withdraw one of the two.',
    yes,
  ),
  'window-closed': reason(
    'The window does not allow it now',
    'Wait for the window, or ask for another.',
    yes,
  ),
  // acting
  'stale-epoch': reason(
    'A newer claim has been published: this act is out of date',
    'Nothing to do: the guard kept a late worker from acting.',
    no,
  ),
  'guard-missing': reason(
    'The guard on the host has no state',
    'Re-seed the guard after checking the host, then retry.',
    no,
  ),
  'guard-busy': reason('Another act holds the guard’s lock', 'Retried automatically.', yes),
  'guard-outdated': reason(
    'The guard on the host is not the one of this version of Slipway',
    'Install the guard that came with this version on the host (docs/kvm.md), then retry.',
    no,
  ),
  'vm-busy': reason(
    'Another job holds the VM',
    'Wait for the backup or migration to end; retried automatically.',
    yes,
  ),
  'hypervisor-down': reason(
    'The hypervisor on the host does not answer',
    'Start its service on the host (for KVM: libvirtd) and see its log.',
    yes,
  ),
  'act-refused': reason('The hypervisor refused', 'Read the hypervisor’s own words in the cause.', no),
  'act-without-effect': reason(
    'The hypervisor reported success but the state is not there',
    'See what was observed; the change is undone.',
    yes,
  ),
  'detach-pending': reason(
    'The guest has not released the device',
    'The guest must cooperate, or the request must allow powerOff.',
    yes,
  ),
  'unit-not-viable': reason('A member of the unit is still with the host', 'Move the whole unit.', no),
  'memory-pin-failed': reason(
    'The VM’s memory can’t be pinned',
    'Raise the locked-memory limit of the hypervisor on the host.',
    no,
  ),
  'device-dead': reason(
    'The device does not answer after a reset',
    'Power-cycle the host; keep the device in quarantine.',
    no,
  ),
  'driver-missing': reason(
    'The device did not return to its driver',
    'See the kernel log of the host; reload the driver.',
    yes,
  ),
  'power-state-unreached': reason(
    'The VM did not reach the wanted power state',
    'See the hypervisor’s log for this VM.',
    yes,
  ),
  // verifying
  'guest-unseen': reason(
    'The guest does not see the device',
    'Check the guest’s agent and its PCI bus.',
    yes,
  ),
  'guest-unhealthy': reason(
    'The guest sees the device but its driver does not work',
    'Check the guest’s driver; onUnhealthy decides whether to keep it.',
    no,
  ),
  // reaching
  'host-unreachable': reason('The host does not answer', 'Check network, ssh key and known hosts.', yes),
  'host-identity-changed': reason(
    'The host is not the one that was planned for',
    'Check machine id and ssh host key; correct the estate.',
    no,
  ),
  'access-denied': reason(
    'The host does not let us in',
    'Check the user and the key reference in the estate.',
    no,
  ),
  'outcome-unknown': reason(
    'The reply was lost: nobody knows yet whether it happened',
    'Observed automatically before anything else is done.',
    yes,
  ),
  'site-stalled': reason('No worker serves this site', 'Start a worker for the site.', yes),
  'register-down': reason('The register does not answer', 'Start the database; the change waits.', yes),
  'review-forged': reason(
    'A review’s signature does not verify',
    'Find out who sent it: it did not come through the API.',
    no,
  ),
} as const satisfies Record<string, ReasonFacts>;

export type Reason = keyof typeof reasons;

export function isReason(text: string): text is Reason {
  return Object.hasOwn(reasons, text);
}

/**
 * A reason made concrete. `where` names host, VM and address; `expected` and `actual` are what was
 * compared; `cause` is the hypervisor's own text. Plain data: it crosses process borders.
 */
export interface Failure {
  reason: Reason;
  message: string;
  where?: { host?: string; vm?: string; address?: string; field?: string };
  expected?: string;
  actual?: string;
  cause?: string;
}

export function failure(reason: Reason, parts: Omit<Failure, 'reason' | 'message'> = {}): Failure {
  return { reason, message: failureMessage(reason, parts), ...parts };
}

function failureMessage(reason: Reason, parts: Omit<Failure, 'reason' | 'message'>): string {
  const { host, vm, address, field } = parts.where ?? {};
  const places = [
    field && `field ${field}`,
    address && `device ${address}`,
    vm && `VM ${vm}`,
    host && `host ${host}`,
  ];
  const where = places.filter(Boolean).join(', ');
  const compared = [parts.expected && `expected ${parts.expected}`, parts.actual && `found ${parts.actual}`];
  const detail = compared.filter(Boolean).join(', ');
  return [
    reasons[reason].title + (where ? ` (${where})` : ''),
    detail,
    parts.cause && `cause: ${parts.cause}`,
    reasons[reason].remedy,
  ]
    .filter(Boolean)
    .join('. ')
    .replace(/\.\. /g, '. ');
}

/** Thrown by adapters and activities; never inside a workflow, where only plain `Failure` data travels. */
export class SlipwayError extends Error {
  constructor(
    readonly failure: Failure,
    options?: { cause?: unknown },
  ) {
    super(failure.message, options);
    this.name = 'SlipwayError';
  }
}
