import { faults, type LabFacts, ssh } from './lab.js';
import { until } from '../../hypervisors/orders.js';

export interface DeviceTruth {
  driver: string | null;
  override: string | null;
}

export interface VmTruth {
  power: string;
  /** Addresses of the host's devices named by the running VM, and by its definition. */
  live: string[];
  config: string[];
}

/** What is so on the host, read by no path of the product. */
export interface Truth {
  devices: Record<string, DeviceTruth>;
  vms: Record<string, VmTruth>;
}

/** One line of the guard's journal. */
export interface JournalEvent {
  event: string;
  note?: string;
  ok?: boolean;
  ran?: { argv: string[]; exitCode: number | null; stderr: string };
  failure?: { reason: string };
}

/** The emulated host in our own hands: sysfs, virsh and shell by the lab's own ssh. */
export class LabHost {
  constructor(readonly facts: LabFacts) {}

  get lab(): string {
    return this.facts.name;
  }

  /** The addresses of a device of the topology, one for each function. */
  addresses(name: string): string[] {
    const device = this.facts.devices.find((one) => one.name === name);
    if (!device) throw new Error(`the topology ${this.facts.topology} has no device ${name}`);
    return device.functions.map(({ address }) => address);
  }

  address(name: string): string {
    return this.addresses(name)[0]!;
  }

  /** Runs a shell line on the host; one that fails is an error of the test. */
  async run(line: string, input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.tries(line, input);
    if (code === 0) return stdout.trim();
    throw new Error(`on the lab's host: ${line}\nexit code ${code}: ${stderr}`);
  }

  tries(line: string, input?: string): Promise<{ code: number; stdout: string; stderr: string }> {
    return ssh(this.lab, [line], { input });
  }

  async truth(): Promise<Truth> {
    const text = await this.run(looking);
    const [devices = '', ...vms] = text.split('=== vm ');
    return {
      devices: Object.fromEntries(devices.trim().split('\n').map(deviceOf)),
      vms: Object.fromEntries(vms.map(vmOf)),
    };
  }

  async device(address: string): Promise<DeviceTruth> {
    const { devices } = await this.truth();
    return devices[address] ?? { driver: null, override: null };
  }

  async vm(name: string): Promise<VmTruth> {
    const { vms } = await this.truth();
    const found = vms[name];
    if (!found) throw new Error(`libvirt knows no VM ${name}`);
    return found;
  }

  definition(vm: string): Promise<string> {
    return this.run(`virsh dumpxml --inactive ${vm}`);
  }

  /** Runs a program in a guest by its agent, and gives what it wrote. */
  async inGuest(vm: string, path: string, ...arg: string[]): Promise<string> {
    const begun = await this.agent(vm, 'guest-exec', { path, arg, 'capture-output': true });
    let state = await this.agent(vm, 'guest-exec-status', begun);
    await until(
      `${path} ends in guest ${vm}`,
      async () =>
        state['exited'] === true ||
        (state = await this.agent(vm, 'guest-exec-status', begun))['exited'] === true,
      120_000,
    );
    const text = (name: string): string =>
      Buffer.from((state[name] as string | undefined) ?? '', 'base64').toString();
    if (state['exitcode'] !== 0) throw new Error(`${path} ${arg.join(' ')} in ${vm}: ${text('err-data')}`);
    return text('out-data').trim();
  }

  /** Vendor and device of every PCI function that a guest sees. */
  async guestSees(vm: string): Promise<string[]> {
    const listed = await this.inGuest(vm, '/usr/bin/lspci', '-Dn');
    return [...listed.matchAll(/ ([0-9a-f]{4}:[0-9a-f]{4})/g)].map(([, ids]) => ids!);
  }

  async agentAnswers(vm: string): Promise<void> {
    const ping = `virsh -q qemu-agent-command ${vm} '{"execute":"guest-ping"}' --timeout 5`;
    await until(`the agent of ${vm} answers`, async () => (await this.tries(ping)).code === 0, 300_000);
  }

  /** Checksum of the first MiB of an NVMe disk of the host, past its page cache. */
  async diskSum(address: string): Promise<string> {
    const disk = await this.disk(address);
    return (await this.run(`dd if=${disk} bs=1M count=1 iflag=direct status=none | sha256sum`)).split(
      ' ',
    )[0]!;
  }

  async disk(address: string): Promise<string> {
    return this.run(
      `ls /sys/bus/pci/devices/${address}/nvme/*/ | grep -o '^nvme[0-9]*n[0-9]*$' | sed s,^,/dev/,`,
    );
  }

  /** What the guard has written down about one operation, oldest first. */
  async journal(opId: string): Promise<JournalEvent[]> {
    const text = await this.run(`cat /var/lib/slipway-guard/journal/${opId}.jsonl 2>/dev/null || true`);
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as JournalEvent);
  }

  private async agent(vm: string, execute: string, given: object): Promise<Record<string, unknown>> {
    const document = JSON.stringify({ execute, arguments: given });
    const said = await this.run(`virsh -q qemu-agent-command ${vm} '${document}' --timeout 60`);
    return (JSON.parse(said) as { return: Record<string, unknown> }).return;
  }
}

export { faults };

/** One round trip: each function with driver and override, then each VM with its power, live and stored XML. */
const looking = `
cd /sys/bus/pci/devices
for d in *; do
  link=$(readlink $d/driver); override=$(cat $d/driver_override)
  echo "$d \${link##*/} | $override"
done
for vm in $(virsh list --all --name); do
  echo "=== vm $vm"; virsh domstate $vm; virsh dumpxml $vm; echo "=== config"; virsh dumpxml --inactive $vm
done`;

function deviceOf(line: string): [string, DeviceTruth] {
  const [, address = '', driver = '', override = ''] = /^(\S+) (\S*) ?\| ?(.*)$/.exec(line) ?? [];
  const known = override === '' || override === '(null)' ? null : override;
  return [address, { driver: driver === '' ? null : driver, override: known }];
}

function vmOf(text: string): [string, VmTruth] {
  const [head = '', config = ''] = text.split('=== config');
  const [name = '', power = ''] = head.split('\n');
  const runs = power !== 'shut off' && power !== 'crashed';
  return [name, { power, live: runs ? hostDevices(head) : [], config: hostDevices(config) }];
}

/** Addresses in the <hostdev> elements of a domain's XML. */
function hostDevices(xml: string): string[] {
  const found = xml.matchAll(
    /<hostdev [^]*?<source>[^]*?<address domain='0x(\w+)' bus='0x(\w+)' slot='0x(\w+)' function='0x(\w+)'/g,
  );
  return [...found].map(([, domain, bus, slot, fn]) => `${domain}:${bus}:${slot}.${fn}`).sort();
}
