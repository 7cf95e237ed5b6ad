// One named lab of this checkout: its folders, its process, what it is known to be.
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkout, isAlive } from './cache.mjs';
import { LabError } from './process.mjs';

/** Paths of the instance. Sockets lie in a short folder: a unix socket's path has at most 107 characters. */
export function instance(name, folder = join(checkout, '.slipway', 'lab', name)) {
  if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(name)) {
    throw new LabError('bad instance name', {
      expected: 'letters a-z, digits, hyphens, at most 31',
      actual: name,
    });
  }
  const short = createHash('sha256').update(folder).digest('hex').slice(0, 10);
  const sockets = join(tmpdir(), `slipway-lab-${process.getuid()}-${short}`);
  return {
    name,
    folder,
    sockets,
    qmp: join(sockets, 'qmp'),
    control: join(sockets, 'ssh'),
    pid: join(folder, 'pid'),
    serial: join(folder, 'console.log'),
    qemuLog: join(folder, 'qemu.log'),
    facts: join(folder, 'lab.json'),
    estate: join(folder, 'estate.yaml'),
    identity: join(folder, 'id'),
    knownHosts: join(folder, 'known_hosts'),
    disk: (device) => join(folder, `${device}.img`),
  };
}

/** Makes the folders, empty of what an earlier run left, with fresh sparse disks. */
export async function prepare(lab, topology) {
  await mkdir(lab.folder, { recursive: true });
  await mkdir(lab.sockets, { recursive: true, mode: 0o700 });
  const { uid } = await lstat(lab.sockets);
  if (uid !== process.getuid()) {
    throw new LabError(`${lab.sockets} belongs to another user`, {
      remedy: 'remove it, or set TMPDIR to a place of your own',
    });
  }
  await chmod(lab.sockets, 0o700);
  for (const file of [lab.qmp, lab.control, lab.pid, lab.facts, lab.serial, lab.qemuLog])
    await rm(file, { force: true });
  for (const { name, size } of topology.devices) {
    if (!size) continue;
    await rm(lab.disk(name), { force: true });
    await (await open(lab.disk(name), 'w')).close();
    await truncate(lab.disk(name), bytes(size));
  }
}

function bytes(size) {
  const [, number, unit] = /^(\d+)([MG])$/.exec(size);
  return Number(number) * (unit === 'G' ? 1024 : 1) * 1024 * 1024;
}

/** The pid of the instance's QEMU if it is alive and really this instance's, else undefined. */
export async function runningPid(lab) {
  const pid = Number(await readFile(lab.pid, 'utf8').catch(() => '0'));
  if (!pid || !isAlive(pid)) return undefined;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.includes(lab.pid) ? pid : undefined;
}

export async function readFacts(lab) {
  const text = await readFile(lab.facts, 'utf8').catch(() => undefined);
  return text ? JSON.parse(text) : undefined;
}

export async function writeFacts(lab, facts) {
  await writeFile(lab.facts, `${JSON.stringify(facts, undefined, 2)}\n`);
}

export async function forget(lab) {
  await rm(lab.sockets, { recursive: true, force: true });
  await rm(lab.folder, { recursive: true, force: true });
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
