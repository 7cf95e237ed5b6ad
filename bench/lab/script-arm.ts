import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { LabFacts } from './lab.js';

/** What one attach took: until the domain's XML has the device, and until the guest has seen it. */
export interface ScriptTimes {
  attachedMs: number;
  seenMs: number;
}

const lookAgainMs = 100;
const guestPatienceMs = 60_000;

/** The same virsh commands, typed one after the other over one shared ssh connection: no plan, no check, no record. */
export class Script {
  private readonly folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  private readonly node: string;
  private readonly xml: string;
  private readonly sourceOf: RegExp;

  constructor(
    private readonly lab: LabFacts,
    private readonly vm: string,
    private readonly device: { address: string; vendor: string; device: string },
  ) {
    const [domain, bus, slot, fn] = device.address.split(/[:.]/);
    this.node = `pci_${device.address.replace(/[:.]/g, '_')}`;
    const address = `<address domain='0x${domain}' bus='0x${bus}' slot='0x${slot}' function='0x${fn}'/>`;
    this.xml = `<hostdev mode='subsystem' type='pci' managed='no'><source>${address}</source></hostdev>`;
    this.sourceOf = new RegExp(`<source>\\s*${address}`);
  }

  async attach(): Promise<ScriptTimes> {
    const before = await this.seenInGuest();
    const began = performance.now();
    await this.virsh(['nodedev-detach', this.node]);
    await this.virsh(['attach-device', this.vm, '/proc/self/fd/0', '--live'], this.xml);
    await this.virsh(['attach-device', this.vm, '/proc/self/fd/0', '--config'], this.xml);
    if (!(await this.isNamed()))
      throw new Error(`the script: ${this.vm} does not name ${this.device.address}`);
    const attachedMs = performance.now() - began;
    const limit = performance.now() + guestPatienceMs;
    while ((await this.seenInGuest()) <= before) {
      if (performance.now() > limit)
        throw new Error(`the script: the guest of ${this.vm} does not see the device`);
      await pause(lookAgainMs);
    }
    return { attachedMs, seenMs: performance.now() - began };
  }

  /** Gives the device back; the time until its driver has it again. */
  async giveBack(): Promise<number> {
    const began = performance.now();
    await this.virsh(['detach-device', this.vm, '/proc/self/fd/0', '--live'], this.xml);
    const limit = performance.now() + guestPatienceMs;
    while (await this.isNamed()) {
      if (performance.now() > limit) throw new Error(`the script: the guest of ${this.vm} does not let go`);
      await pause(lookAgainMs);
    }
    await this.virsh(['detach-device', this.vm, '/proc/self/fd/0', '--config'], this.xml);
    await this.virsh(['nodedev-reattach', this.node]);
    const driver = await this.ssh(['readlink', `/sys/bus/pci/devices/${this.device.address}/driver`]);
    if (driver.includes('vfio'))
      throw new Error(`the script: ${this.device.address} is still with ${driver}`);
    return performance.now() - began;
  }

  async close(): Promise<void> {
    await this.ssh(['-O', 'exit'], '', true).catch(() => undefined);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async isNamed(): Promise<boolean> {
    return this.sourceOf.test(await this.virsh(['dumpxml', this.vm]));
  }

  /** How many devices of this vendor and kind the guest's own lspci lists. */
  private async seenInGuest(): Promise<number> {
    const exec = { path: '/usr/bin/lspci', arg: ['-Dn'], 'capture-output': true };
    const { pid } = await this.agent<{ pid: number }>('guest-exec', exec);
    for (;;) {
      const status = await this.agent<{ exited: boolean; 'out-data'?: string }>('guest-exec-status', { pid });
      if (!status.exited) continue;
      const lines = Buffer.from(status['out-data'] ?? '', 'base64')
        .toString()
        .split('\n');
      return lines.filter((line) => line.includes(`${this.device.vendor}:${this.device.device}`)).length;
    }
  }

  private async agent<Reply>(execute: string, given: object): Promise<Reply> {
    const command = JSON.stringify({ execute, arguments: given });
    const answer = await this.virsh(['qemu-agent-command', this.vm, command]);
    return (JSON.parse(answer) as { return: Reply }).return;
  }

  private virsh(words: readonly string[], input = ''): Promise<string> {
    return this.ssh(['virsh', '-c', 'qemu:///system', ...words], input);
  }

  /** The first call opens the connection which all share. */
  private ssh(words: readonly string[], input = '', control = false): Promise<string> {
    const { host, port, user, identity, knownHosts } = this.lab.ssh;
    const options = {
      IdentitiesOnly: 'yes',
      BatchMode: 'yes',
      LogLevel: 'ERROR',
      StrictHostKeyChecking: 'yes',
      UserKnownHostsFile: knownHosts,
      ControlMaster: 'auto',
      ControlPath: join(this.folder, 'ssh'),
      ControlPersist: '300',
    };
    const settings = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    const place = ['-F', 'none', '-p', String(port), '-i', identity, '-l', user, ...settings];
    const argv = control ? [...place, ...words, host] : [...place, '--', host, words.map(quoted).join(' ')];
    return run('ssh', argv, input);
  }
}

/** ssh gives one line to the host's shell: each word in quotes of its own. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function run(file: string, argv: readonly string[], input: string): Promise<string> {
  const child = spawn(file, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${argv.at(-1)}: exit ${code}: ${(err || out).trim()}`)),
    );
  });
}
