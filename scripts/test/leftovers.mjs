// A test that leaves a server running takes its ports and its processor from the next one, and from whoever ran it.
import { readFileSync, readdirSync } from 'node:fs';
import { root } from '../setup/places.mjs';

/** Processes of this checkout that run now, by pid, each with its command line. Linux only; elsewhere none. */
function running() {
  if (process.platform !== 'linux') return new Map();
  const found = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if (command.includes(`${root}/`) && !isOurAncestry(pid)) found.set(pid, command);
    } catch {
      // it has ended meanwhile
    }
  }
  return found;
}

function isOurAncestry(pid) {
  return [process.pid, process.ppid].map(String).includes(pid) || readParent(process.ppid) === pid;
}

function readParent(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[1];
  } catch {
    return undefined;
  }
}

/**
 * Watches what a suite leaves running; asked right after it, gives one line for each process. Ending takes a
 * moment, so it looks again for a few seconds before it complains.
 */
export function watchLeftovers() {
  const before = running();
  return async () => {
    const left = () => [...running()].filter(([pid]) => !before.has(pid));
    for (let look = 0; look < 50 && left().length > 0; look += 1)
      await new Promise((next) => setTimeout(next, 100));
    return left().map(([pid, command]) => `left running: process ${pid}: ${command.slice(0, 160)}`);
  };
}
