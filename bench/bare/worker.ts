import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A running worker of the bare workflows. */
export interface BareWorker {
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts it with the environment of the product's worker, read from that very process.
 * @throws Error with the path of its log when it ends before it serves
 */
export async function startBareWorker(productWorker: number, log: string): Promise<BareWorker> {
  const { SLIPWAY_WORKER_HEALTH_PORT: _, ...env } = environmentOf(productWorker);
  const output = openSync(log, 'w', 0o600);
  const child = fork(fileURLToPath(new URL('./worker-main.js', import.meta.url)), [], {
    env,
    execArgv: ['--enable-source-maps'],
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);
  const ended = once(child, 'exit');
  await Promise.race([
    once(child, 'message'),
    ended.then(() => Promise.reject(new Error(`the bare workflows' worker did not start; its log: ${log}`))),
  ]);
  return {
    pid: child.pid!,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** NAME=VALUE pairs with NUL between. */
function environmentOf(pid: number): Record<string, string> {
  const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}
