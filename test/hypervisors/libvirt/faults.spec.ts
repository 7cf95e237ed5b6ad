import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Reason } from '../../../domain/failures.js';
import { reasonOf } from '../../../hypervisors/libvirt/faults.js';
import {
  attach,
  backup,
  createHost,
  detach,
  dismount,
  type FileHost,
  type FileState,
  mount,
  nvme,
  order,
  refusal,
  voip,
} from './world.js';

let host: FileHost;

const not = 'Requested operation is not valid: ';
const device_add = "internal error: unable to execute QEMU command 'device_add': ";
type Given = ReturnType<typeof attach>;

/** Each text of the transcripts, said by virsh for an act of which nothing came. */
const refused: [string, Given[], Given, string[], Reason][] = [
  [
    `${not}Unmanaged PCI device 0000:02:00.0 must be manually detached from the host`,
    [dismount(nvme)],
    attach(nvme),
    ['--live'],
    'unit-not-viable',
  ],
  [
    `${not}PCI device 0000:02:00.0 is in use by driver QEMU, domain l2`,
    [dismount(nvme)],
    attach(nvme),
    ['--live'],
    'device-in-use-by-vm',
  ],
  [
    `${not}PCI device 0000:02:00.0 is in use by driver QEMU, domain l2`,
    [],
    dismount(nvme),
    ['nodedev-detach'],
    'device-in-use-by-vm',
  ],
  [
    `${device_add}vfio 0000:05:00.0: group 12 is not viable`,
    [dismount(nvme)],
    attach(nvme),
    ['--live'],
    'unit-not-viable',
  ],
  [
    `${device_add}vfio 0000:02:00.0: failed to setup container for group 9: No available IOMMU models`,
    [dismount(nvme)],
    attach(nvme),
    ['--live'],
    'passthrough-unavailable',
  ],
  [
    'argument unsupported: VFIO device assignment is currently not supported on this system',
    [],
    dismount(nvme),
    ['nodedev-detach'],
    'iommu-off',
  ],
  [
    "unsupported configuration: host doesn't support passthrough of host PCI devices",
    [dismount(nvme)],
    attach(nvme),
    ['--live'],
    'iommu-off',
  ],
  [
    'device not found: host pci device 0000:02:00.0 not found',
    [dismount(nvme), attach(nvme)],
    detach(nvme),
    ['detach-device', '--live'],
    'device-not-attached',
  ],
  [
    'device not found: device not present in domain configuration',
    [dismount(nvme), attach(nvme)],
    detach(nvme),
    ['detach-device', '--config'],
    'device-not-attached',
  ],
  [
    `${not}device is already in the domain configuration`,
    [dismount(nvme)],
    attach(nvme),
    ['--config'],
    'device-already-attached',
  ],
  [`${not}domain is not running`, [dismount(nvme)], attach(nvme), ['--live'], 'vm-state-unfit'],
  [
    'An error occurred, but the cause is unknown',
    [dismount(nvme)],
    attach(nvme),
    ['--live'],
    'device-unknown',
  ],
  [
    "Node device not found: no node device with matching name 'pci_0000_02_00_0'",
    [],
    dismount(nvme),
    ['nodedev-detach'],
    'device-unknown',
  ],
  ['internal error: No more available PCI slots', [dismount(nvme)], attach(nvme), ['--live'], 'no-free-port'],
  [
    'internal error: Non-endpoint PCI devices cannot be assigned to guests',
    [dismount(nvme)],
    attach(nvme),
    ['--live'],
    'device-is-bridge',
  ],
  [
    'VFIO_MAP_DMA failed: Cannot allocate memory',
    [dismount(nvme)],
    attach(nvme),
    ['--live'],
    'memory-pin-failed',
  ],
  [
    'cannot limit locked memory of process 77: Operation not permitted',
    [dismount(nvme)],
    attach(nvme),
    ['--live'],
    'memory-pin-failed',
  ],
  [
    'failed to open /dev/vfio/1: Device or resource busy',
    [],
    { verb: 'resume', vm: backup },
    ['start'],
    'device-in-use-by-vm',
  ],
  [
    'lstat /dev/vfio/39: No such file or directory',
    [],
    { verb: 'resume', vm: backup },
    ['start'],
    'unit-not-viable',
  ],
  [
    "internal error: Unknown PCI header type '127' for device '0000:02:00.0'",
    [],
    { verb: 'resume', vm: backup },
    ['start'],
    'device-dead',
  ],
  [
    'Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomainMigrate)',
    [dismount(nvme)],
    attach(nvme),
    ['--live'],
    'vm-busy',
  ],
  ['internal error: nobody has ever read this', [dismount(nvme)], attach(nvme), ['--live'], 'act-refused'],
];

const ways: [string, Given[]][] = [
  ['with the host', []],
  ['taken from the host', [dismount(nvme)]],
  ['in the VM', [dismount(nvme), attach(nvme)]],
];

describe.each(ways)(
  'libvirt’s words about a device %s name the reason, when nothing came of the act',
  (_, before) => {
    let start: FileState;
    beforeAll(async () => {
      host = createHost();
      await host.prepare(...before);
      start = host.state();
    });
    beforeEach(() => host.update((state) => Object.assign(state, start)));
    afterAll(() => host.remove());

    const here = refused.filter(
      ([, wanted]) => wanted.map(({ verb }) => verb).join() === before.map(({ verb }) => verb).join(),
    );
    it.each(here)('%s', async (text, _before, act, match, reason) => {
      host.bend({ match, stderr: `error: Failed\nerror: ${text}`, times: 9 });
      await expect(host.act(order(act))).rejects.toMatchObject(
        refusal(reason, { cause: expect.stringContaining(text), where: { host: 'kvm-01' } }),
      );
    });

    it('and what is so is done, whatever was said', async () => {
      const [text, , act, match] = here[0]!;
      host.bend({ match, stderr: `error: ${text}`, effect: true });
      expect(await host.act(order(act))).toMatchObject({ result: 'done' });
    });
  },
);

describe('words about', () => {
  it.each([
    ['Did not find USB device dead:0001', 'device-unknown'],
    [
      'Requested operation is not valid: USB device 002:002 is in use by driver QEMU, domain l4',
      'device-in-use-by-vm',
    ],
    ['Device configuration is not compatible: Domain has no USB bus support', 'action-unsupported'],
    ['unable to execute QEMU command \'device_add\': Failed to get "write" lock', 'device-in-use-by-vm'],
    ['internal error: Not resetting active device 0000:02:00.0', 'device-in-use-by-vm'],
    ["cannot migrate domain: VFIO device doesn't support migration", 'action-unsupported'],
    ['Failed to trigger a probe for PCI device 0000:05:00.1: Invalid argument', 'driver-missing'],
    ["error: failed to get domain 'nosuch'", 'vm-unknown'],
  ] as const)('%s (met in other modes and acts)', (text, reason) => {
    expect(reasonOf(text)).toBe(reason);
  });
});

describe('a daemon that is gone', () => {
  beforeEach(() => {
    host = createHost();
  });
  afterEach(() => host.remove());

  it('before the act: nothing has happened, and it says what to start', async () => {
    host.connection({ words: ['--limit', '1'] });
    host.update((state) => (state.daemonDownUntil = 9e9));
    await expect(host.act(order(dismount(nvme)))).rejects.toMatchObject(refusal('hypervisor-down'));
    await expect(host.hypervisor().inspect({ host: 'kvm-01' })).rejects.toMatchObject(
      refusal('hypervisor-down'),
    );
    const observed = await host.hypervisor().observe({ host: 'kvm-01', ...attach(nvme) });
    expect(observed.reached).toBe('unknown');
  });

  it('started again a moment later is waited for', async () => {
    host.update((state) => (state.daemonDownUntil = Date.now() / 1000 + 3));
    expect(await host.act(order(dismount(nvme)))).toMatchObject({ result: 'done' });
  });

  it('killed while it acts, and started again: what is so is found out by looking', async () => {
    await host.prepare(dismount(nvme));
    host.bend({ match: ['attach-device', '--live'], effect: true, sleep: 0.5, die: 'after' });
    const act = host.act(order(attach(nvme)));
    await host.until(() => host.vm(voip).live.length > 0);
    host.update((state) => (state.daemonDownUntil = Date.now() / 1000 + 2));
    expect(await act).toMatchObject({ result: 'done' });
  });

  it('leaves a VM whose process was killed: its device stays for VMs and can go home', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    host.update((state) =>
      Object.assign(state.domains[0]!, { power: 'shut off', reason: 'crashed', live: [] }),
    );
    const view = await host.hypervisor().inspect({ host: 'kvm-01' });
    expect(view.vms.find(({ name }) => name === voip.name)?.power).toBe('crashed');
    await host.prepare(detach(nvme), mount(nvme));
    expect(host.driver(nvme.address)).toBe('nvme');
  });
});
