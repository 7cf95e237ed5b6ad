import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { places } from './places.mjs';
import { say } from './progress.mjs';

const path = join(places.state, 'setup.lock');

/** Runs the work while no other set-up of this checkout does: two builds at once would leave half of each. */
export async function alone(work) {
  mkdirSync(places.state, { recursive: true });
  let told = false;
  while (!taken()) {
    const holder = holderOf();
    if (holder === undefined || !isAlive(holder)) {
      rmSync(path, { force: true });
      continue;
    }
    if (!told) say(`waiting for another set-up here to end (process ${holder})`);
    told = true;
    await setTimeout(100);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function taken() {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined when the lock has gone meanwhile; an empty one was made this very moment. */
function holderOf() {
  try {
    return Number(readFileSync(path, 'utf8')) || process.ppid;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
