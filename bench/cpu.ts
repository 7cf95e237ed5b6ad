import { readdirSync, readFileSync } from 'node:fs';

/** CPU time in milliseconds: of this process, and of all below it (the stack and the bare workflows' worker). */
export interface Cpu {
  stack: number;
  client: number;
}

/** Linux counts in ticks of 10 ms on every architecture Node runs on. */
const tickMs = 10;

interface ProcessTimes {
  pid: number;
  parent: number;
  ticks: number;
}

export function cpuSoFar(): Cpu {
  const { user, system } = process.cpuUsage();
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(timesOf);
  const ticks = descendants(process.pid, processes).reduce((sum, one) => sum + one.ticks, 0);
  return { stack: ticks * tickMs, client: (user + system) / 1000 };
}

export function cpuSince(before: Cpu): Cpu {
  const now = cpuSoFar();
  return { stack: now.stack - before.stack, client: now.client - before.client };
}

/** Fields 14 to 17 of /proc/PID/stat: its own time, and that of the children it has collected. */
function timesOf(pid: string): ProcessTimes[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return [{ pid: Number(pid), parent: Number(fields[1]), ticks }];
  } catch {
    return []; // ended meanwhile: its parent has its time
  }
}

function descendants(root: number, processes: readonly ProcessTimes[]): ProcessTimes[] {
  const children = processes.filter(({ parent }) => parent === root);
  return children.flatMap((child) => [child, ...descendants(child.pid, processes)]);
}
