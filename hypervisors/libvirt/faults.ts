import { type Failure, failure, isReason, type Reason } from '../../domain/failures.js';

/**
 * The words of libvirt, QEMU and the kernel (stable English under LC_ALL=C), each with its reason. They only
 * name what the guard has observed already: whether something happened is never read from a text.
 * Sources: texts seen on libvirt 9.0 with QEMU 7.2; those of the failure catalogue for what a lab can't show.
 */
const texts: [RegExp, Reason][] = [
  [/must be manually detached from the host/, 'unit-not-viable'],
  [/group \d+ is not viable/, 'unit-not-viable'],
  [/\/dev\/vfio\/\d+.*No such file/i, 'unit-not-viable'],
  [/is in use by driver/, 'device-in-use-by-vm'],
  [/\/dev\/vfio\/\d+: Device or resource busy/, 'device-in-use-by-vm'],
  [/Failed to get "write" lock/, 'device-in-use-by-vm'],
  [/Not resetting active device/, 'device-in-use-by-vm'],
  [/No available IOMMU models/, 'passthrough-unavailable'],
  [/VFIO device assignment is currently not supported on this system/, 'iommu-off'],
  [/host doesn't support passthrough of host PCI devices/, 'iommu-off'],
  [/host pci device \S+ not found/, 'device-not-attached'],
  [/device not present in domain configuration/, 'device-not-attached'],
  [/device is already in the domain configuration/, 'device-already-attached'],
  [/domain is not running/, 'vm-state-unfit'],
  [/An error occurred, but the cause is unknown/, 'device-unknown'],
  [/no node device with matching name/, 'device-unknown'],
  [/Did not find USB device/, 'device-unknown'],
  [/Domain has no USB bus support/, 'action-unsupported'],
  [/VFIO device doesn't support migration/, 'action-unsupported'],
  [/No more available PCI slots/, 'no-free-port'],
  [/Non-endpoint PCI devices cannot be assigned/, 'device-is-bridge'],
  [/VFIO_MAP_DMA|RLIMIT_MEMLOCK|cannot limit locked memory|Cannot allocate memory/, 'memory-pin-failed'],
  [/Unknown PCI header type|not ready \d+ms/, 'device-dead'],
  [/Failed to trigger a (?:re-)?probe/, 'driver-missing'],
  [/failed to get domain/i, 'vm-unknown'],
  [/already in the process of unplug|guest is busy|rejected by the guest/, 'detach-pending'],
  [/cannot acquire state change lock|another migration job|domain is being migrated/, 'vm-busy'],
  [
    /failed to connect to the hypervisor|Failed to connect socket|End of file while reading data/,
    'hypervisor-down',
  ],
  [/Disconnected from|Cannot recv data|Cannot write data|client socket is closed/, 'hypervisor-down'],
];

/** The reason behind a tool's words; `act-refused` for words nobody has met yet. */
export function reasonOf(text: string): Reason {
  return texts.find(([pattern]) => pattern.test(text))?.[1] ?? 'act-refused';
}

/** A no of the guard: with a reason of its own, or with the words of the tool that failed. */
export interface GuardFailure {
  reason: string | null;
  where?: { vm?: string; address?: string; field?: string };
  expected?: string;
  actual?: string;
  cause?: string;
  native?: { tool: string; argv: string[]; exitCode: number | null; stderr: string; stdout: string };
}

export function failureOf(host: string, refusal: GuardFailure): Failure {
  const { native, where, expected, actual } = refusal;
  const said = native ? native.stderr.trim() || `exit code ${native.exitCode}` : undefined;
  const reason = refusal.reason ?? reasonOf(said ?? '');
  const cause = refusal.cause ?? (native && `${native.tool} ${native.argv.join(' ')}: ${said}`);
  return failure(isReason(reason) ? reason : 'act-refused', {
    where: { host, ...where },
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** How far a call had come when its connection ended. */
export type Reached = 'nothing-sent' | 'reading' | 'acting';

/** The end of a connection. Once an order was sent, nobody knows what became of it. */
export function connectionFailure(host: string, reached: Reached, said: string): Failure {
  const cause = said.trim() || 'the connection ended without a word';
  if (reached === 'acting') return failure('outcome-unknown', { where: { host }, cause });
  return failure(connectionReason(said), { where: { host }, cause });
}

function connectionReason(said: string): Reason {
  if (/Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|host key is known/i.test(said))
    return 'host-identity-changed';
  if (
    /Permission denied|Too many authentication failures|a password is required|not in the sudoers/i.test(said)
  )
    return 'access-denied';
  return 'host-unreachable';
}
