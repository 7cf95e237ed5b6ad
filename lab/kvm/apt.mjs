// Everything the lab wants to know from this machine's apt: sources, proxy, versions, the current kernel.
// No mirror address is written here: what apt uses for the machine is what the emulated host is built from.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must, run, LabError } from './process.mjs';

const needsUpdate =
  'run `apt-get update` as root; the machine needs a Debian main archive in its apt sources';

/** The archives this machine's apt knows, as {uri, codename, origin}. */
async function archives() {
  const format = '$(REPO_URI)|$(CODENAME)|$(ORIGIN)';
  const text = await must(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages']);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('|'))
    .map(([uri, codename, origin]) => ({ uri: uri.replace(/\/$/, ''), codename, origin }));
}

/** The source files that name a Debian archive: {suite, files}. Third-party files are left out. */
export async function debianSources() {
  const debian = (await archives()).filter(({ origin }) => origin === 'Debian');
  const suite = debian.map(({ codename }) => codename).find((name) => !name.includes('-'));
  if (!suite) {
    throw new LabError('apt knows no Debian archive', {
      expected: 'downloaded package lists of origin Debian',
      actual: 'none',
      remedy: needsUpdate,
    });
  }
  const files = [];
  for (const file of await sourceFiles()) {
    const text = await readFile(file, 'utf8');
    if (debian.some(({ uri }) => text.includes(uri))) files.push(file);
  }
  return { suite, files };
}

async function sourceFiles() {
  const folder = '/etc/apt/sources.list.d';
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(folder, name));
  const main = '/etc/apt/sources.list';
  const hasMain = await readFile(main).catch(() => undefined);
  return (hasMain ? [main] : []).concat(files.sort());
}

/** How this machine's apt reaches its archives (proxy, certificates, retries), as apt options. */
export async function acquireOptions() {
  const dump = await must(['apt-config', 'dump']);
  const wanted =
    /^Acquire::(?:https?|ftp)(?:::[^ ]*)?::(?:Proxy[^ ]*|CaInfo|CaPath|Verify-[^ ]*|SslCert|SslKey) "[^"]+";$/i;
  const direct = /^Acquire::(?:https?)::Proxy(?:::[^ ]*)? "[^"]*";$/i;
  const proxy = dump.split('\n').filter((line) => wanted.test(line) || direct.test(line));
  return [...new Set(proxy)].map((line) => line.replace(/;$/, ''));
}

/** The version apt would install now, by package name; undefined where apt knows none. */
export async function candidates(names) {
  const text = await must(['apt-cache', 'policy', ...names]);
  const versions = {};
  let name;
  for (const line of text.split('\n')) {
    const heading = /^(\S+):$/.exec(line);
    if (heading) name = heading[1].replace(/:.*$/, '');
    const candidate = /^ {2}Candidate: (\S+)$/.exec(line);
    if (candidate && candidate[1] !== '(none)') versions[name] = candidate[1];
  }
  return versions;
}

/** The name of the kernel package which the archive's `linux-image-amd64` stands for today. */
export async function kernelPackage() {
  const text = await must(['apt-cache', 'depends', '--important', 'linux-image-amd64'], {
    remedy: needsUpdate,
  });
  const found = /Depends: (linux-image-\d\S+)/.exec(text);
  if (found) return found[1];
  throw new LabError('apt names no kernel for linux-image-amd64', {
    actual: text.trim(),
    remedy: needsUpdate,
  });
}

/** Refreshes apt's package lists if it has none of Debian's. Needs root. */
export async function ensureLists(progress) {
  if ((await archives()).some(({ origin }) => origin === 'Debian')) return;
  await progress.step('apt-get update', () => must(['apt-get', 'update', '-q']));
}

/** Which of `names` are not installed on this machine. */
export async function notInstalled(names) {
  const { stdout } = await run(['dpkg-query', '-W', '-f', '${Package} ${db:Status-Status}\n', ...names]);
  const installed = new Set(stdout.split('\n').filter((line) => line.endsWith(' installed')));
  return names.filter((name) => !installed.has(`${name} installed`));
}
