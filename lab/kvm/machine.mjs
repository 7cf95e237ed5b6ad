// The emulated host as a QEMU command line. Same arguments in the same order for baking and for restoring:
// a baked state belongs to exactly this machine.
import { join } from 'node:path';
import { pluggedLater } from './topology.mjs';

export const qemu = 'qemu-system-x86_64';

const iommuDevice = {
  intel: ['-device', 'intel-iommu,intremap=on,caching-mode=on'],
  amd: ['-device', 'amd-iommu'],
  off: [],
};
const iommuKernel = {
  intel: 'intel_iommu=on iommu=pt',
  // QEMU 7.2 does not translate AMD's DMA right: with `iommu=nopt` the host's own NVMe times out at Identify.
  amd: 'iommu=pt',
  off: 'intel_iommu=off',
};

/**
 * @param image folder of the root image
 * @param topology as read by readTopology
 * @param files where this instance keeps things: {serial, qmp, pid, disk(name)}
 * @param port loopback port that reaches the host's ssh
 * @param bare leave out what cannot migrate
 */
export function machineArguments({ name, image, topology, files, port, bare }) {
  const devices = topology.devices.flatMap((device) => [
    ...portOf(device),
    ...backendOf(device, files),
    ...(bare && pluggedLater.includes(device.kind) ? [] : frontendOf(device)),
  ]);
  return [
    ...['-name', `slipway-lab-${name}`, '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-machine', 'q35', '-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'max', '-smp', '2'],
    ...['-m', String(topology.memory), ...iommuDevice[topology.iommu]],
    ...['-serial', `file:${files.serial}`, '-pidfile', files.pid],
    ...['-qmp', `unix:${files.qmp},server=on,wait=off`],
    ...[
      '-kernel',
      join(image, 'vmlinux'),
      '-initrd',
      join(image, 'initramfs'),
      '-append',
      kernelLine(topology),
    ],
    ...[
      '-drive',
      option({ file: join(image, 'root.img'), if: 'none', id: 'root', format: 'raw', readonly: 'on' }),
    ],
    ...['-device', 'virtio-blk-pci,drive=root,addr=1e.0'],
    ...['-netdev', `user,id=management,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`],
    ...[
      '-device',
      'virtio-net-pci,id=management-nic,netdev=management,romfile=,mac=52:54:00:51:00:01,addr=1d.0',
    ],
    ...['-device', 'qemu-xhci,id=usb,addr=1c.0'],
    ...devices,
  ];
}

function kernelLine({ iommu }) {
  // QEMU's emulation of nested guests loses an interrupt now and then: at the end of each stay in a guest it clears
  // a bit of the word in which devices set theirs, without a lock. A timer that fires once would then never fire
  // again, and the host stand still; a periodic tick comes four milliseconds later.
  const tick = 'nohz=off highres=off';
  const quick = [
    'no_timer_check mitigations=off nokaslr random.trust_cpu=on tsc=reliable nowatchdog',
    'cryptomgr.notests audit=0 apparmor=0 rcupdate.rcu_expedited=1',
  ].join(' ');
  return `console=ttyS0 loglevel=4 8250.nr_uarts=1 panic=-1 ${tick} ${quick} ${iommuKernel[iommu]}`;
}

/** QEMU's option syntax: a comma inside a value is doubled. */
function option(values) {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${String(value).replaceAll(',', ',,')}`)
    .join(',');
}

const rootPort = (device) => `port${device.port}`;
const disk = (device) => `disk-${device.name}`;

function portOf({ port }) {
  if (!port) return [];
  return [
    '-device',
    option({
      driver: 'pcie-root-port',
      id: `port${port}`,
      chassis: port,
      slot: port,
      addr: `${(port + 1).toString(16)}.0`,
    }),
  ];
}

/** What stays on the command line even when the device comes later. */
function backendOf(device, files) {
  if (!device.size) return [];
  const drive = [
    '-drive',
    option({ file: files.disk(device.name), if: 'none', id: disk(device), format: 'raw' }),
  ];
  const subsystem = [
    '-device',
    option({ driver: 'nvme-subsys', id: `subsystem-${device.name}`, nqn: device.name }),
  ];
  return device.kind === 'sriov-nvme' ? [...subsystem, ...drive] : drive;
}

function frontendOf(device) {
  return frontends(device).flatMap((values) => ['-device', option(values)]);
}

/** The devices as property lists: for the command line, and for QMP's device_add after a restore. */
export function frontends(device) {
  const bus = rootPort(device);
  const quiet = { romfile: '' };
  switch (device.kind) {
    case 'nvme':
      return [{ driver: 'nvme', id: device.name, bus, drive: disk(device), serial: device.serial }];
    case 'sriov-nvme':
      return [sriovController(device, bus), sriovNamespace(device)];
    case 'nic':
      return [{ driver: 'e1000e', id: device.name, bus, mac: device.mac, ...quiet }];
    case 'two-function-card':
      return [
        {
          driver: 'e1000e',
          id: `${device.name}-0`,
          bus,
          addr: '0.0',
          multifunction: 'on',
          mac: device.macs[0],
          ...quiet,
        },
        { driver: 'e1000e', id: `${device.name}-1`, bus, addr: '0.1', mac: device.macs[1], ...quiet },
      ];
    case 'conventional-pair':
      return [
        { driver: 'pcie-pci-bridge', id: device.name, bus },
        {
          driver: 'e1000',
          id: `${device.name}-1`,
          bus: device.name,
          addr: '1',
          mac: device.macs[0],
          ...quiet,
        },
        {
          driver: 'e1000',
          id: `${device.name}-2`,
          bus: device.name,
          addr: '2',
          mac: device.macs[1],
          ...quiet,
        },
      ];
    case 'display':
      return [{ driver: 'bochs-display', id: device.name, bus }];
    case 'boot-display':
      return [{ driver: 'VGA', id: device.name, addr: `${device.slot}.0`, ...quiet }];
    case 'usb-stick':
      return [
        { driver: 'usb-storage', id: device.name, bus: 'usb.0', drive: disk(device), serial: device.serial },
      ];
    default:
      return [];
  }
}

function sriovController(device, bus) {
  const functions = device.functions;
  return {
    ...{ driver: 'nvme', id: device.name, bus, serial: device.serial, subsys: `subsystem-${device.name}` },
    ...{ sriov_max_vfs: functions, sriov_vq_flexible: 2 * functions, sriov_vi_flexible: functions },
    ...{ max_ioqpairs: 8, msix_qsize: 8 },
  };
}

/** QEMU refuses to hot-plug a namespace, so the controller of a restored lab has none. */
function sriovNamespace(device) {
  return { driver: 'nvme-ns', drive: disk(device), bus: device.name, shared: 'on' };
}
