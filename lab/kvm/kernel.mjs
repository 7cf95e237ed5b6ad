// Debian's kernel: fetched with apt, unpacked to an ELF image, its modules picked with what they depend on.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { must, run, LabError } from './process.mjs';

/** Downloads and unpacks kernel package `name` below `folder`. Answers {release, vmlinux, modules}. */
export async function fetchKernel(name, folder) {
  await mkdir(folder, { recursive: true });
  await must(['apt-get', 'download', '-q', '-o', 'APT::Sandbox::User=root', name], {
    cwd: folder,
    remedy: 'run `apt-get update` as root: the package lists may be older than the archive',
  });
  const archive = (await readdir(folder)).find((file) => file.endsWith('.deb'));
  await must(['dpkg-deb', '-x', join(folder, archive), join(folder, 'tree')]);
  const release = name.replace(/^linux-image-/, '');
  const vmlinux = join(folder, 'vmlinux');
  await writeFile(vmlinux, await unpackImage(join(folder, 'tree/boot', `vmlinuz-${release}`)));
  return { release, vmlinux, modules: join(folder, 'tree/lib/modules', release) };
}

const unpackers = [
  { magic: [0xfd, 0x37, 0x7a, 0x58], argv: ['xz', '-dc'] },
  { magic: [0x02, 0x21, 0x4c, 0x18], argv: ['lz4', '-dc'] },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], argv: ['zstd', '-dc'] },
  { magic: [0x1f, 0x8b], argv: ['gzip', '-dc'] },
];

/** The ELF kernel inside a bzImage. It starts by PVH, without the slow unpacking under emulation. */
async function unpackImage(file) {
  const image = await readFile(file);
  // Linux x86 boot protocol: setup_sects, payload_offset, payload_length; the payload ends with its own size.
  const setup = ((image[0x1f1] || 4) + 1) * 512;
  const start = setup + image.readUInt32LE(0x248);
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c) - 4);
  const unpacker = unpackers.find(({ magic }) => magic.every((byte, at) => payload[at] === byte));
  if (unpacker) {
    const { stdout } = await run(unpacker.argv, { input: payload, binary: true });
    if (stdout.subarray(0, 4).toString('latin1') === '\x7fELF') return stdout;
  }
  throw new LabError(`no ELF kernel found in ${basename(file)}`, {
    expected: 'a payload packed with xz, lz4, zstd or gzip',
    actual: `payload starts with ${payload.subarray(0, 6).toString('hex')}`,
    remedy: 'add the packing to lab/kvm/kernel.mjs',
  });
}

/**
 * The module files that `names` need, dependencies first. A name that is built into the kernel gives none;
 * a name that is neither is an error, so that a renamed module is noticed here and not by a guest that lacks it.
 */
export async function pickModules(tree, names) {
  const files = await moduleFiles(tree);
  const builtin = new Set(
    (await readFile(join(tree, 'modules.builtin'), 'utf8')).split('\n').map(moduleName),
  );
  const picked = new Map();
  const add = async (name) => {
    if (picked.has(name) || builtin.has(name)) return;
    const file = files.get(name);
    if (!file) throw new LabError(`the kernel has no module ${name}`, { actual: tree });
    for (const needed of await dependencies(file)) await add(needed);
    picked.set(name, file);
  };
  for (const name of names) await add(name);
  return [...picked.values()];
}

const moduleName = (path) => basename(path).replace(/\.ko$/, '').replaceAll('-', '_');

async function moduleFiles(tree) {
  const files = await readdir(tree, { recursive: true });
  const modules = files.filter((file) => file.endsWith('.ko'));
  return new Map(modules.map((file) => [moduleName(file), join(tree, file)]));
}

async function dependencies(file) {
  const text = (await readFile(file)).toString('latin1');
  const found = /\0depends=([^\0]*)\0/.exec(text);
  return (found?.[1] ?? '')
    .split(',')
    .filter(Boolean)
    .map((name) => name.replaceAll('-', '_'));
}
