import { readdirSync, readFileSync } from 'node:fs';

/** CPU time in milliseconds: of this process, and of each process it started with all that runs below it. */
export interface Cpu {
  client: number;
  processes: Record<string, number>;
}

/** Linux counts in ticks of 10 ms on every architecture Node runs on. */
const tickMs = 10;

interface ProcessTimes {
  pid: number;
  parent: number;
  ticks: number;
}

/** `names`: what to call the processes that were started from here, by pid. */
export function cpuSoFar(names: ReadonlyMap<number, string>): Cpu {
  const { user, system } = process.cpuUsage();
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(timesOf);
  const ticks = (one: ProcessTimes): number =>
    all.filter(({ parent }) => parent === one.pid).reduce((total, child) => total + ticks(child), one.ticks);
  const own = all.filter(({ parent }) => parent === process.pid);
  const processes = own.map((one) => [names.get(one.pid) ?? `process ${one.pid}`, ticks(one) * tickMs]);
  return { client: (user + system) / 1000, processes: Object.fromEntries(processes) as Cpu['processes'] };
}

export function cpuSince(before: Cpu, now: Cpu): Cpu {
  const spent = Object.entries(now.processes).map(([name, time]) => [
    name,
    time - (before.processes[name] ?? 0),
  ]);
  return { client: now.client - before.client, processes: Object.fromEntries(spent) as Cpu['processes'] };
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
