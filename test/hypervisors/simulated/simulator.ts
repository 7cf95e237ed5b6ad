import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createSimulatedHypervisor } from '../../../hypervisors/simulated/adapter.js';
import type { Hypervisor } from '../../../domain/hypervisor.js';
import type { LedgerEntry } from '../../../hypervisors/simulated/machine/ledger.js';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
export const demoWorld = path('../../../lab/simulated/world.yaml');

/** A simulator in a process of its own, as in production; it can be killed and started again over its ledger. */
export class SimulatorProcess {
  readonly directory = mkdtempSync(join(tmpdir(), 'simulator-'));
  readonly ledger = join(this.directory, 'ledger.jsonl');
  url = '';
  private child: ChildProcess | null = null;

  constructor(private readonly world = demoWorld) {}

  async start(): Promise<this> {
    const child = spawnSimulator(['--world', this.world, '--ledger', this.ledger, '--port', '0']);
    this.child = child;
    const lines = createInterface({ input: child.stdout! });
    const [line] = (await Promise.race([
      once(lines, 'line'),
      once(child, 'exit').then(() => {
        throw new Error('the simulator ended before it was ready');
      }),
    ])) as [string];
    this.url = /http:\S+/.exec(line)![0];
    return this;
  }

  /** As the power would go. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  async stop(): Promise<number | null> {
    const code = await this.end('SIGTERM');
    rmSync(this.directory, { recursive: true, force: true });
    return code;
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.child!;
    const exited = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    return (await exited)[0];
  }

  adapter(hostId = 'sim-01'): Hypervisor {
    return createSimulatedHypervisor({ hostId, url: this.url });
  }

  async call<Reply = unknown>(method: string, where: string, body?: unknown): Promise<Reply> {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${this.url}${where}`, { method, ...content });
    const reply = (await response.json()) as Reply;
    if (!response.ok) throw new Error(`${method} ${where}: ${response.status} ${JSON.stringify(reply)}`);
    return reply;
  }

  fault(fault: Record<string, unknown>): Promise<unknown> {
    return this.call('POST', '/faults', fault);
  }

  operator(deed: Record<string, unknown>, host = 'sim-01'): Promise<unknown> {
    return this.call('POST', `/hosts/${host}/operator`, deed);
  }

  reset(): Promise<unknown> {
    return this.call('POST', '/reset');
  }

  effects(): Promise<LedgerEntry[]> {
    return this.call('GET', '/ledger?kind=effect');
  }
}

/** Runs the simulator's main from its source. */
export function spawnSimulator(argv: string[]): ChildProcess {
  const flags = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning', '--import'];
  const main = [path('./typescript.mjs'), path('../../../hypervisors/simulated/main.ts'), ...argv];
  return spawn(process.execPath, [...flags, ...main], { stdio: ['ignore', 'pipe', 'pipe'] });
}
