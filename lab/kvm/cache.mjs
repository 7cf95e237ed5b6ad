// Where baked things are kept, and who may bake.
import { access, open, readFile, rm, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pause } from './process.mjs';

export const here = dirname(fileURLToPath(import.meta.url));
export const checkout = join(here, '../..');

/** ${XDG_CACHE_HOME:-~/.cache}/slipway/lab-kvm: outside the checkout, so that a fresh clone finds it. */
export function cacheFolder() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'slipway', 'lab-kvm');
}

export const exists = (path) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Marks something cached as used today. Only a hint: whoever runs a lab need not own the cache. */
export async function touch(path) {
  await utimes(path, new Date(), new Date()).catch(() => {});
}

/** Runs `work` while holding `file`; another holder that is alive is waited for, a dead one is forgotten. */
export async function withLock(file, progress, work) {
  let told = false;
  for (;;) {
    const handle = await open(file, 'wx').catch((error) => {
      if (error.code === 'EEXIST') return undefined;
      throw error;
    });
    if (handle) {
      await handle.writeFile(String(process.pid));
      await handle.close();
      break;
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => '0'));
    if (holder && !isAlive(holder)) await rm(file, { force: true });
    else {
      if (!told) progress.note(`waiting for process ${holder}, which is preparing the same image`);
      told = true;
      await pause(500);
    }
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
