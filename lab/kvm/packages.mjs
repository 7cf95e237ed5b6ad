// The Debian packages the lab needs on this machine: installed when root, else named.
import { ensureLists, notInstalled } from './apt.mjs';
import { must, run, LabError } from './process.mjs';

/** To run a baked lab. */
const toRun = ['qemu-system-x86', 'openssh-client', 'lz4'];
/** To build its image as well. */
const toBuild = ['mmdebstrap', 'e2fsprogs', 'xz-utils', 'kmod'];

export async function ensurePackages({ build, progress }) {
  await refuseOtherSystems();
  const wanted = build ? [...toRun, ...toBuild] : toRun;
  const missing = await notInstalled(wanted);
  if (build && process.getuid() === 0) await ensureLists(progress);
  if (missing.length === 0) return;
  if (process.getuid() !== 0) {
    throw new LabError('the KVM lab needs Debian packages which are not installed', {
      expected: wanted.join(' '),
      actual: `missing: ${missing.join(' ')}`,
      remedy: `as root: apt-get update && apt-get install --no-install-recommends ${missing.join(' ')}`,
    });
  }
  await progress.step(`apt-get install ${missing.join(' ')}`, () => install(missing));
}

async function install(names) {
  const argv = [
    'apt-get',
    '-o',
    'DPkg::Lock::Timeout=300',
    'install',
    '-y',
    '-q',
    '--no-install-recommends',
  ].concat(names);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // Package lists older than the archive name files that are gone: refresh once and try again.
  if ((await run(argv, { env })).code === 0) return;
  await must(['apt-get', 'update', '-q']);
  await must(argv, { env });
}

async function refuseOtherSystems() {
  const { code, stdout } = await run(['dpkg', '--print-architecture']).catch(() => ({ code: 1, stdout: '' }));
  if (code === 0 && stdout.trim() === 'amd64') return;
  throw new LabError('the KVM lab is built from Debian packages for amd64', {
    expected: 'Debian, architecture amd64',
    actual: code === 0 ? `architecture ${stdout.trim()}` : 'no dpkg on this machine',
    remedy: 'use a Debian amd64 machine (a virtual machine is enough; KVM is not needed)',
  });
}
