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
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireOptions, candidates, debianSources, kernelPackage } from './apt.mjs';
import { cacheFolder, here, withLock } from './cache.mjs';
import { fetchKernel, pickModules } from './kernel.mjs';
import { guestInitramfs, hostInitramfs } from './initramfs.mjs';
import { furnishHost } from './host-tree.mjs';
import { must, LabError } from './process.mjs';

const packages = [
  ...[
    'libvirt-daemon',
    'libvirt-clients',
    'qemu-system-x86',
    'qemu-guest-agent',
    'openssh-server',
    'python3',
  ],
  ...['udev', 'kmod', 'iproute2', 'pciutils', 'procps', 'mount', 'util-linux', 'e2fsprogs', 'lvm2', 'mdadm'],
  ...['busybox-static'],
];

/** What decides whether an image can be used again: the scripts, the package versions, the kernel. */
export async function imageKey() {
  const kernel = await kernelPackage();
  const versions = await candidates([...packages, kernel]);
  const missing = [...packages, kernel].filter((name) => !versions[name]);
  if (missing.length) {
    throw new LabError(`apt knows no candidate for ${missing.join(' ')}`, {
      remedy: 'run `apt-get update` as root; the machine needs a Debian main archive in its apt sources',
    });
  }
  const hash = createHash('sha256').update(JSON.stringify(versions));
  for (const file of await ingredientFiles())
    hash.update(`${file}\0`).update(await readFile(join(here, file)));
  return { kernel, key: hash.digest('hex').slice(0, 16) };
}

async function ingredientFiles() {
  const scripts = ['image.mjs', 'initramfs.mjs', 'host-tree.mjs', 'kernel.mjs', 'cpio.mjs', 'domains.mjs'];
  const files = [...scripts];
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
  // Only a hint for removeUnused: whoever runs a lab need not own the cache.
  await utimes(join(folder, 'complete'), new Date(), new Date()).catch(() => {});
  return { folder, key };
}

/** Images nobody has used for two weeks go: each takes about 700 MB. */
async function removeUnused() {
  for (const name of await readdir(cacheFolder())) {
    const folder = join(cacheFolder(), name);
    const used = await stat(join(folder, 'complete')).catch(() => undefined);
    if (used && Date.now() - used.mtimeMs > 14 * 24 * 3600 * 1000)
      await rm(folder, { recursive: true, force: true });
  }
}

const isBuilt = (folder) =>
  readFile(join(folder, 'complete')).then(
    () => true,
    () => false,
  );

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
      progress.step(`installing Debian packages into the host's tree`, () => installTree(root)),
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

async function installTree(root) {
  const { suite, files } = await debianSources();
  const aptOptions = [
    'APT::Install-Recommends "false"',
    'Acquire::Languages "none"',
    'APT::Sandbox::User "root"',
    ...(await acquireOptions()),
  ];
  const left = ['doc', 'man', 'locale', 'info', 'mime', 'icons', 'fonts'];
  await must([
    'mmdebstrap',
    '--mode=root',
    '--variant=essential',
    `--include=${packages.join(',')}`,
    ...aptOptions.map((option) => `--aptopt=${option}`),
    ...left.map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
    suite,
    root,
    ...files,
  ]);
  // The machine's mirror and proxy are its own business.
  await rm(join(root, 'etc/apt'), { recursive: true, force: true });
}

async function pack(root, image) {
  const used = Number((await must(['du', '-sm', root])).split('\t')[0]);
  await writeFile(image, '');
  await truncate(image, (used + 64 + Math.ceil(used / 5)) * 1024 * 1024);
  await must(['mkfs.ext4', '-q', '-F', '-O', '^has_journal', '-m', '0', '-d', root, image]);
}
