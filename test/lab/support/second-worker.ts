import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Child } from '../../../stack/child.js';
import { compiled, readSetUp } from '../../../stack/places.js';
import { choosePorts } from '../../../stack/ports.js';
import { until } from '../../hypervisors/orders.js';
import { patienceMs } from './product.js';

/** A worker that nobody supervises, so that it may be paused for as long as a test wants. */
export class SecondWorker {
  private constructor(
    private readonly process: ChildProcess,
    private readonly health: string,
  ) {}

  /** Stops the stack's own worker and starts this one with the same environment. */
  static async instead(supervised: Child): Promise<SecondWorker> {
    const words = readFileSync(`/proc/${supervised.pid}/environ`, 'utf8').split('\0').filter(Boolean);
    const env = Object.fromEntries(words.map((word) => word.split(/=(.*)/s, 2) as [string, string]));
    await supervised.stop();
    const [port] = await choosePorts([{ purpose: "the second worker's health", port: 0, option: 'none' }]);
    const process = spawn(readSetUp().node, ['--enable-source-maps', compiled('worker/main.js')], {
      env: { ...env, SLIPWAY_WORKER_HEALTH_PORT: String(port) },
      stdio: 'ignore',
    });
    const worker = new SecondWorker(process, `http://127.0.0.1:${port}/readyz`);
    await until('the second worker is ready', () => worker.answers(), patienceMs);
    return worker;
  }

  pause(): void {
    this.process.kill('SIGSTOP');
  }

  /** It runs again, and has done all it had in hand: it answers, and then ends in order. */
  async wakes(): Promise<void> {
    this.process.kill('SIGCONT');
    await until('the second worker answers again', () => this.answers(), patienceMs);
    await this.stop('SIGTERM');
  }

  async end(): Promise<void> {
    await this.stop('SIGKILL');
  }

  private async stop(signal: NodeJS.Signals): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill(signal);
    await ended;
  }

  private answers(): Promise<boolean> {
    return fetch(this.health, { signal: AbortSignal.timeout(5_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}
