// The guests, as libvirt sees them. Plain values only: nothing here comes from outside this folder.
const hotPlugPorts = 8;

/** Where the guests' kernel and initramfs lie inside the emulated host. */
export const guestFiles = { kernel: '/lab/guest/vmlinux', initramfs: '/lab/guest/initramfs' };

/**
 * Three domains. `probe` says how a guest can be asked from inside; the hung guest has firmware only, so it
 * accepts a device and never answers the request to let it go.
 */
export const domains = [
  {
    name: 'voip-gateway',
    uuid: '6f1d2b40-0c55-4c0e-9d7e-1c3a5e7f9001',
    memory: 224,
    boots: true,
    probe: 'agent',
  },
  {
    name: 'backup-store',
    uuid: '6f1d2b40-0c55-4c0e-9d7e-1c3a5e7f9002',
    memory: 224,
    boots: true,
    probe: 'agent',
  },
  {
    name: 'hung-guest',
    uuid: '6f1d2b40-0c55-4c0e-9d7e-1c3a5e7f9003',
    memory: 64,
    boots: false,
    probe: 'none',
  },
];

// Each word saves work that is slow under emulation; devices arrive by ACPI, so the port services have nothing to do.
const commandLine = [
  'console=ttyS0 loglevel=4 nowatchdog no_timer_check mitigations=off nokaslr random.trust_cpu=on tsc=reliable',
  'cryptomgr.notests audit=0 apparmor=0 rcupdate.rcu_expedited=1 8250.nr_uarts=1 i8042.noaux=1 i8042.nokbd=1',
  'pcie_ports=compat panic=5',
].join(' ');

/** Makes the window behind each free port large enough for a display's memory; libvirt 9 has no element for it. */
const roomForDisplays = 'pcie-root-port.pref32-reserve=32M';

export function domainXml({ name, uuid, memory, boots }) {
  const boot = boots
    ? `<kernel>${guestFiles.kernel}</kernel><initrd>${guestFiles.initramfs}</initrd><cmdline>${commandLine}</cmdline>`
    : `<boot dev='hd'/>`;
  return `<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>${name}</name>
  <uuid>${uuid}</uuid>
  <memory unit='MiB'>${memory}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type>${boot}</os>
  <features><acpi/><apic/></features>
  <cpu mode='host-passthrough'/>
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='pci' index='0' model='pcie-root'/>
${ports()}
${conventionalBridge()}
    <controller type='usb' model='qemu-xhci'><address type='pci' domain='0' bus='0' slot='9' function='0'/></controller>
    <controller type='virtio-serial' index='0'><address type='pci' domain='0' bus='0' slot='10' function='0'/></controller>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <serial type='file'><source path='/var/log/guests/${name}.log'/><target port='0'/></serial>
    <memballoon model='none'/>
  </devices>
  <qemu:commandline><qemu:arg value='-global'/><qemu:arg value='${roomForDisplays}'/></qemu:commandline>
</domain>
`;
}

/** Root ports that stay free for devices to come, and one more for the bridge to conventional PCI. */
function ports() {
  return Array.from({ length: hotPlugPorts + 1 }, (_, at) => at + 1)
    .map((index) => `    <controller type='pci' index='${index}' model='pcie-root-port'/>`)
    .join('\n');
}

/** Conventional PCI devices can't sit in a root port: libvirt gives them a slot of this bridge. */
function conventionalBridge() {
  const bus = hotPlugPorts + 1;
  return `    <controller type='pci' index='${bus + 1}' model='pcie-to-pci-bridge'>
      <address type='pci' domain='0' bus='${bus}' slot='0' function='0'/></controller>`;
}
