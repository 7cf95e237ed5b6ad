import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A process as something that can be told apart from a later one with the same pid: pids are used again, start
 * times are not.
 */
export interface ProcessMark {
  readonly pid: number;
  readonly startedAt: string;
}

export function markOf(pid: number): ProcessMark | undefined {
  const startedAt = startOf(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

export function isAlive(mark: ProcessMark): boolean {
  return startOf(mark.pid) === mark.startedAt;
}

function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') return startOnLinux(pid);
  const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** Field 22 of /proc/PID/stat, in clock ticks since boot. A zombie has ended: it only waits to be collected. */
function startOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return afterName[0] === 'Z' ? undefined : afterName[19];
  } catch {
    return undefined;
  }
}

/** Ends a process that an earlier, killed supervisor left behind; gives it a moment to end by itself. */
export async function endLeftover(mark: ProcessMark, withinMs = 5_000): Promise<void> {
  if (!isAlive(mark)) return;
  process.kill(mark.pid, 'SIGTERM');
  const deadline = Date.now() + withinMs;
  while (isAlive(mark) && Date.now() < deadline) await pause(25);
  if (isAlive(mark)) process.kill(mark.pid, 'SIGKILL');
  while (isAlive(mark)) await pause(25);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
