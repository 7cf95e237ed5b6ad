import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { anyPorts } from '../stack/options.js';
import { checkout, readJsonFile } from '../stack/places.js';
import { endLeftover, type ProcessMark } from '../stack/processes.js';
import { type Stack, type StartOptions, startStack } from '../stack/stack.js';

/** A stack with an empty register and no history, on any free ports; `stop` removes what it left. */
export async function openOwnStack(
  name: string,
  options: Pick<StartOptions, 'estate' | 'world' | 'report'>,
): Promise<Stack> {
  const home = join(checkout, '.slipway', 'bench', name);
  const leftovers = readJsonFile(join(home, 'children.json')) as Record<string, ProcessMark> | undefined;
  for (const mark of Object.values(leftovers ?? {})) await endLeftover(mark);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const stack = await startStack({ ...anyPorts(), ...options, home });
  return {
    ...stack,
    async stop() {
      await stack.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** What has been opened, to be closed in the opposite order: at the end, or when somebody stops the run. */
export class Opened {
  private readonly resources: (() => Promise<unknown>)[] = [];
  private closing: Promise<void> | undefined;

  constructor() {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const)
      process.once(signal, () => void this.close().finally(() => process.exit(code)));
  }

  add(close: () => Promise<unknown>): void {
    this.resources.push(close);
  }

  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    for (const close of this.resources.reverse()) await close().catch(() => undefined);
  }
}
