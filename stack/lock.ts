import { existsSync, mkdirSync, openSync, closeSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { StackError } from './failure.js';
import { type ProcessMark, isAlive, markOf } from './processes.js';

/**
 * One stack for one home: two Temporal servers on one database file lose changes. The lock names its holder by
 * pid and start time, so that a lock left by a killed supervisor is known as stale even after a reboot.
 */
export class StackLock {
  private constructor(
    private readonly path: string,
    private readonly holder: ProcessMark,
  ) {}

  /** @throws StackError naming the holder when another living process has it */
  static take(path: string): StackLock {
    const own = markOf(process.pid);
    if (own === undefined) throw new StackError(`cannot read when process ${process.pid} was started`);
    mkdirSync(dirname(path), { recursive: true });
    for (;;) {
      if (created(path, JSON.stringify(own))) return new StackLock(path, own);
      const holder = holderOf(path);
      if (holder !== undefined && isAlive(holder)) {
        throw new StackError(`slipway is running here already (process ${holder.pid} holds ${path})`, [
          'use the one that runs: its addresses are in stack.json beside the lock',
          `stop it with Ctrl-C where it was started, or: kill ${holder.pid}`,
          'or start a second one with its own data: npm start -- --home OTHER_DIRECTORY --api-port 0 …',
        ]);
      }
      rmSync(path, { force: true });
    }
  }

  release(): void {
    if (holderOf(this.path)?.startedAt === this.holder.startedAt) rmSync(this.path, { force: true });
  }
}

function created(path: string, content: string): boolean {
  try {
    const file = openSync(path, 'wx', 0o600);
    writeSync(file, content);
    closeSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function holderOf(path: string): ProcessMark | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessMark;
  } catch {
    return undefined;
  }
}
