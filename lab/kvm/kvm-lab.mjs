// The lab as a module: what the command line does, and what tests import.
import { join } from 'node:path';
import { ensureImage } from './image.mjs';
import { describe, writeEstate, writeKeys } from './estate.mjs';
import { forget, instance, prepare, readFacts, runningPid, writeFacts } from './instance.mjs';
import { ensurePackages } from './packages.mjs';
import { startProgress } from './progress.mjs';
import { LabError, until } from './process.mjs';
import { askQmp } from './qmp.mjs';
import { closeShared, greets, sshRun } from './ssh.mjs';
import * as start from './start.mjs';
import { readTopology } from './topology.mjs';
import { bakedState } from './bake.mjs';

export * as faults from './faults.mjs';

/**
 * Starts a lab and answers its facts (the content of lab.json). A lab of that name that runs with the same
 * topology is answered as it is; `reset` gives a pristine one.
 * @param options {name, topology, port, cold, guests, quiet}: cold boots instead of restoring a baked state;
 *   guests: false leaves them off (cold only).
 */
export async function up({ name = 'default', topology = 'default', port, cold = false, guests = true, quiet } = {}) {
  const progress = startProgress({ quiet });
  const lab = instance(name);
  const plan = await readTopology(topology);
  const facts = await runningFacts(lab, plan);
  if (facts) {
    progress.note(`lab ${name} is up already (reset gives a pristine one)`);
    return facts;
  }
  await ensurePackages({ build: true, progress });
  const { folder: image, key } = await ensureImage(progress);
  const state = cold ? undefined : await bakedState({ image, key, topology: plan, progress });
  const fresh = startProgress({ quiet });
  const begin = { lab, image, topology: plan, port, progress: fresh };
  try {
    return await (state ? restore({ ...begin, state }) : boot({ ...begin, guests }));
  } catch (error) {
    await stop(lab);
    throw error;
  }
}

async function runningFacts(lab, topology) {
  const pid = await runningPid(lab);
  const facts = await readFacts(lab);
  if (!pid || !facts) {
    if (pid) await stop(lab);
    return undefined;
  }
  if (facts.topology === topology.name) return facts;
  throw new LabError(`lab ${lab.name} is up with another topology`, {
    expected: topology.name,
    actual: facts.topology,
    remedy: `lab:kvm -- down --name ${lab.name}, or choose another --name`,
  });
}

/** A cold start. `bare` leaves out what cannot be baked. */
export async function boot({ lab, image, topology, port: wanted, guests, bare = false, progress }) {
  await prepare(lab, topology);
  const port = await start.startMachine(lab, { image, topology, port: wanted, bare });
  await writeKeys(lab, image, port);
  await start.waitForSsh(lab, port, 180_000);
  progress.reached('ssh', `ssh answers on 127.0.0.1:${port}`);
  await start.waitForLibvirt(lab, port, 180_000);
  progress.reached('libvirt', 'libvirt answers');
  if (guests) {
    await start.startGuests(lab, port);
    progress.reached('guestsStarted', 'guests started');
    await start.waitForAgents(lab, port, 300_000);
    progress.reached('agents', "the guests' agents answer");
  }
  return bare ? { port } : settle({ lab, port, topology, restored: false, progress });
}

async function restore({ lab, image, topology, port: wanted, state, progress }) {
  await prepare(lab, topology);
  const port = await start.startMachine(lab, { image, topology, port: wanted, bare: true, state });
  await writeKeys(lab, image, port);
  await start.resume(lab);
  progress.reached('running', 'state restored, host running');
  await start.plugLateDevices(lab, topology);
  await start.waitForSsh(lab, port, 60_000);
  await start.setClock(lab, port);
  progress.reached('ssh', `ssh answers on 127.0.0.1:${port}`);
  await start.waitForAgents(lab, port, 60_000);
  progress.reached('agents', "libvirt and the guests' agents answer");
  return settle({ lab, port, topology, restored: true, progress });
}

async function settle({ lab, port, topology, restored, progress }) {
  const functions = await start.waitForDevices(lab, port, topology, 60_000);
  await writeEstate(lab, port);
  progress.reached('up', `lab ${lab.name} is up; estate: ${lab.estate}`);
  const pid = await runningPid(lab);
  const facts = describe(lab, { pid, port, topology, restored, functions, times: progress.times });
  await writeFacts(lab, facts);
  return facts;
}

/** Ends a lab and removes what it left. Fine to call when there is none. */
export async function down(name = 'default') {
  const lab = instance(name);
  const was = (await runningPid(lab)) !== undefined;
  await stop(lab);
  await forget(lab);
  return was;
}

async function stop(lab) {
  const facts = await readFacts(lab);
  if (facts) await closeShared(lab, facts.ssh.port);
  const pid = await runningPid(lab);
  if (!pid) return;
  process.kill(pid, 'SIGKILL');
  await until(async () => (await runningPid(lab)) === undefined, {
    limit: 10_000,
    every: 50,
    onTimeout: () => new LabError(`QEMU ${pid} does not end`, { remedy: `kill -9 ${pid}` }),
  });
}

export async function reset(options = {}) {
  const facts = await readFacts(instance(options.name ?? 'default'));
  await down(options.name);
  return up({ topology: facts?.topology, port: facts?.ssh.port, ...options });
}

/** {state: 'up' | 'unreachable' | 'crashed' | 'starting' | 'down', facts}. */
export async function status(name = 'default') {
  const lab = instance(name);
  const facts = await readFacts(lab);
  const pid = await runningPid(lab);
  if (!pid) return { state: facts ? 'crashed' : 'down', facts };
  if (!facts) return { state: 'starting' };
  return { state: (await greets(facts.ssh.port, 5000)) ? 'up' : 'unreachable', facts };
}

/** Runs argv on the emulated host. Answers {code, stdout, stderr}. One word is a shell line. */
export async function ssh(name, argv, options) {
  const lab = instance(name);
  return sshRun(lab, (await facts(lab)).ssh.port, argv, options);
}

/** One QMP command to the emulated host's QEMU: a name, or {execute, arguments}. */
export async function qmp(name, command) {
  return askQmp((await facts(instance(name))).qemu.qmp, command);
}

export async function facts(labOrName) {
  const lab = typeof labOrName === 'string' ? instance(labOrName) : labOrName;
  const known = await readFacts(lab);
  if (known) return known;
  throw new LabError(`lab ${lab.name} is not up`, {
    expected: join(lab.folder, 'lab.json'),
    remedy: `npm run lab:kvm -- up --name ${lab.name}`,
  });
}
