// A baked state: the memory of a host that is up, with its guests, so that later starts take seconds.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { exists, withLock } from './cache.mjs';
import { domains } from './domains.mjs';
import { ensureImage } from './image.mjs';
import { forget, instance } from './instance.mjs';
import { boot, stop } from './lifecycle.mjs';
import { machineArguments } from './machine.mjs';
import { ensurePackages } from './packages.mjs';
import { LabError, must, until } from './process.mjs';
import { openQmp } from './qmp.mjs';
import { closeShared, sshRun } from './ssh.mjs';
import { readTopology } from './topology.mjs';

/** Builds image and state for a topology if they are not there. `force` bakes the state anew. */
export async function bake({ topology: name, force = false, progress }) {
  const topology = await readTopology(name);
  await ensurePackages({ build: true, progress });
  const image = await ensureImage(progress);
  const state = await stateFile(image.folder, topology);
  if (force) await rm(state, { force: true });
  await bakedState({ image: image.folder, topology, progress });
  return { image: image.folder, state };
}

/** The state file for `topology` on `image`, baked now if nobody has yet. */
export async function bakedState({ image, topology, progress }) {
  const state = await stateFile(image, topology);
  if (await exists(state)) return state;
  return withLock(`${state}.lock`, progress, async () => {
    if (!(await exists(state))) {
      progress.note(`baking topology ${topology.name}: one cold start, then every start takes seconds`);
      await bakeState({ image, topology, state, progress });
      await removeOthers(image, topology, state);
    }
    return state;
  });
}

/** A state belongs to one machine: same QEMU, same arguments. */
async function stateFile(image, topology) {
  const installed = await must(['dpkg-query', '-W', '-f', '${Version}', 'qemu-system-x86']);
  const files = { serial: '', qmp: '', pid: '', disk: (name) => name };
  const argv = machineArguments({ name: '', image: '', topology, files, port: 0, bare: true });
  const hash = createHash('sha256')
    .update(JSON.stringify([installed, argv]))
    .digest('hex')
    .slice(0, 12);
  return join(image, `state-${topology.name}-${hash}.lz4`);
}

async function bakeState({ image, topology, state, progress }) {
  const mark = randomBytes(3).toString('hex');
  const lab = instance(`bake-${mark}`, join(image, `baking-${mark}`));
  try {
    const { port } = await boot({ lab, image, topology, guests: true, bare: true, progress });
    await calm(lab, port);
    await progress.step('saving the state', () => save(lab, state));
  } finally {
    await stop(lab);
    await forget(lab);
  }
}

/** Used paths warmed, page cache dropped, no connection open: what is saved should be small and quiet. */
async function calm(lab, port) {
  for (const { name, probe } of domains) {
    if (probe !== 'agent') continue;
    await sshRun(lab, port, ['virsh', '-q', 'qemu-agent-command', name, '{"execute":"guest-get-osinfo"}']);
  }
  await sshRun(lab, port, ['sync; echo 3 > /proc/sys/vm/drop_caches']);
  await closeShared(lab, port);
}

/** QEMU sends its state to a socket of ours; lz4 packs what arrives. */
async function save(lab, state) {
  const unfinished = `${state}.${process.pid}`;
  const pack = spawn('lz4', ['-1', '-q', '-f', '-', unfinished], { stdio: ['pipe', 'ignore', 'inherit'] });
  const packed = new Promise((resolve, reject) => {
    pack.on('error', reject);
    pack.on('exit', (code) =>
      code === 0 ? resolve() : reject(new LabError('lz4 failed', { actual: `exit ${code}` })),
    );
  });
  const server = createServer((socket) => socket.pipe(pack.stdin));
  const path = join(lab.sockets, 'state');
  await new Promise((resolve) => server.listen(path, resolve));
  const session = await openQmp(lab.qmp);
  try {
    await session.execute('stop');
    await session.execute('migrate-set-parameters', { 'max-bandwidth': 8_000_000_000 });
    await session.execute('migrate', { uri: `unix:${path}` });
    await until(() => migrated(session), {
      limit: 120_000,
      onTimeout: () => new LabError('the state is not saved in time'),
    });
    await packed;
    await rename(unfinished, state);
  } finally {
    session.close();
    server.close();
    await rm(unfinished, { force: true });
  }
}

async function migrated(session) {
  const { status, 'error-desc': reason } = await session.execute('query-migrate');
  if (status === 'failed') throw new LabError('QEMU cannot save its state', { actual: reason });
  return status === 'completed';
}

/** Older states of the same topology fit no machine any more. */
async function removeOthers(image, topology, state) {
  for (const name of await readdir(image)) {
    const file = join(image, name);
    if (new RegExp(`^state-${topology.name}-[0-9a-f]{12}\\.lz4$`).test(name) && file !== state)
      await rm(file, { force: true });
  }
}
