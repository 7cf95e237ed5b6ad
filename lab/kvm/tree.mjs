// The Debian tree of the emulated host: installed once for a set of package versions and kept as a tar file, so
// that a change of the lab's own scripts does not install everything again.
import { createHash } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireOptions, candidates, debianSources } from './apt.mjs';
import { cacheFolder, exists, touch } from './cache.mjs';
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
const leftOut = ['doc', 'man', 'locale', 'info', 'mime', 'icons', 'fonts'];

/** What apt would install today, by name; with `also` as further names. */
export async function packageVersions(also) {
  const names = [...packages, ...also];
  const versions = await candidates(names);
  const missing = names.filter((name) => !versions[name]);
  if (missing.length === 0) return versions;
  throw new LabError(`apt knows no candidate for ${missing.join(' ')}`, {
    remedy: 'run `apt-get update` as root; the machine needs a Debian main archive in its apt sources',
  });
}

/** Unpacks the tree into `root`; `work` is a folder for what is unfinished. Needs root. */
export async function unpackTree({ root, work, progress }) {
  const tar = join(cacheFolder(), `tree-${await treeKey()}.tar`);
  if (!(await exists(tar))) {
    await progress.step("installing Debian packages into the host's tree", () => install(work, tar));
  }
  await touch(tar);
  await mkdir(root, { recursive: true });
  await must(['tar', '-xpf', tar, '-C', root]);
  // The machine's mirrors and proxy are its own business.
  await rm(join(root, 'etc/apt'), { recursive: true, force: true });
}

async function treeKey() {
  const parts = [await packageVersions([]), leftOut];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

async function install(work, tar) {
  const { suite, files } = await debianSources();
  const aptOptions = [
    'APT::Install-Recommends "false"',
    'Acquire::Languages "none"',
    'APT::Sandbox::User "root"',
    ...(await acquireOptions()),
  ];
  const unfinished = join(work, 'tree.tar');
  await must(
    [
      ...['mmdebstrap', '--mode=root', '--variant=essential', `--include=${packages.join(',')}`],
      ...aptOptions.map((option) => `--aptopt=${option}`),
      ...leftOut.map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
      ...[suite, unfinished, ...files],
    ],
    { env: { TMPDIR: work } },
  );
  await must(['mv', unfinished, `${tar}.${process.pid}`]);
  await rename(`${tar}.${process.pid}`, tar);
}
