// The root image of the emulated host, built once from Debian's packages and kept by the hash of what went in.
import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelPackage } from './apt.mjs';
import { cacheFolder, exists, here, touch, withLock } from './cache.mjs';
import { furnishHost } from './host-tree.mjs';
import { guestInitramfs, hostInitramfs } from './initramfs.mjs';
import { fetchKernel } from './kernel.mjs';
import { must, LabError } from './process.mjs';
import { packageVersions, unpackTree } from './tree.mjs';

/** What decides whether an image can be used again: the scripts, the package versions, the kernel. */
export async function imageKey() {
  const kernel = await kernelPackage();
  const versions = await packageVersions([kernel]);
  const hash = createHash('sha256').update(JSON.stringify(versions));
  for (const file of await ingredientFiles())
    hash.update(`${file}\0`).update(await readFile(join(here, file)));
  return { kernel, key: hash.digest('hex').slice(0, 16) };
}

async function ingredientFiles() {
  const files = ['initramfs.mjs', 'host-tree.mjs', 'kernel.mjs', 'cpio.mjs', 'domains.mjs', 'tree.mjs'];
  for (const folder of ['host', 'guest']) {
    for (const name of (await readdir(join(here, folder))).sort()) files.push(join(folder, name));
  }
  return files;
}

/** The folder with root.img, vmlinux, initramfs, id (client key), host.pub; built now if nobody has yet. */
export async function ensureImage(progress) {
  const { kernel, key } = await imageKey();
  const folder = join(cacheFolder(), key);
  if (await isBuilt(folder)) return inUse(folder, key);
  await mkdir(cacheFolder(), { recursive: true });
  return withLock(join(cacheFolder(), `${key}.lock`), progress, async () => {
    if (!(await isBuilt(folder))) await build(folder, kernel, progress);
    await removeUnused();
    return inUse(folder, key);
  });
}

async function inUse(folder, key) {
  await touch(join(folder, 'complete'));
  return { folder, key };
}

/** Images and trees nobody has used for two weeks go: each takes some 700 MB. */
async function removeUnused() {
  for (const name of await readdir(cacheFolder())) {
    const place = join(cacheFolder(), name);
    const mark = name.endsWith('.tar') ? place : join(place, 'complete');
    const used = await stat(mark).catch(() => undefined);
    const unused = used && Date.now() - used.mtimeMs > 14 * 24 * 3600 * 1000;
    if (unused) await rm(place, { recursive: true, force: true });
  }
}

const isBuilt = (folder) => exists(join(folder, 'complete'));

async function build(folder, kernelName, progress) {
  refuseWithoutRoot();
  // Below the system's temporary directory: apt's own user must be able to enter it, a 0700 home it can't.
  const work = await mkdtemp(join(tmpdir(), 'slipway-lab-image-'));
  const next = `${folder}.${randomBytes(4).toString('hex')}`;
  try {
    await chmod(work, 0o755);
    const root = join(work, 'root');
    const [kernel] = await Promise.all([
      progress.step(`fetching ${kernelName}`, () => fetchKernel(kernelName, join(work, 'kernel'))),
      unpackTree({ root, work, progress }),
    ]);
    await mkdir(next, { recursive: true });
    await progress.step('furnishing the host and packing the image', async () => {
      await cp(kernel.vmlinux, join(next, 'vmlinux'));
      await writeFile(join(next, 'initramfs'), await hostInitramfs(root, kernel));
      const guest = { kernel: kernel.vmlinux, initramfs: await guestInitramfs(root, kernel) };
      await furnishHost({ root, kernel, guest, keys: next });
      await pack(root, join(next, 'root.img'));
    });
    await writeFile(join(next, 'complete'), '');
    if (process.env.SUDO_UID)
      await must(['chown', '-R', `${process.env.SUDO_UID}:${process.env.SUDO_GID}`, next]);
    await rm(folder, { recursive: true, force: true });
    await rename(next, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
    await rm(next, { recursive: true, force: true });
  }
}

function refuseWithoutRoot() {
  if (process.getuid() === 0) return;
  throw new LabError("building the lab's image needs root (it installs a Debian tree); running it does not", {
    remedy: `once: sudo XDG_CACHE_HOME="${join(cacheFolder(), '../..')}" npm run lab:kvm -- bake`,
  });
}

async function pack(root, image) {
  const used = Number((await must(['du', '-sm', root])).split('\t')[0]);
  await writeFile(image, '');
  await truncate(image, (used + 64 + Math.ceil(used / 5)) * 1024 * 1024);
  await must(['mkfs.ext4', '-q', '-F', '-O', '^has_journal', '-m', '0', '-d', root, image]);
}
