// The lab as a module: what the command line does, and what tests import.
import { join } from 'node:path';
import { ensureImage } from './image.mjs';
import { forget, instance, readFacts, runningPid } from './instance.mjs';
import { boot, restore, stop } from './lifecycle.mjs';
import { ensurePackages } from './packages.mjs';
import { startProgress } from './progress.mjs';
import { LabError } from './process.mjs';
import { askQmp } from './qmp.mjs';
import { greets, sshRun } from './ssh.mjs';
import { readTopology } from './topology.mjs';
import { bakedState } from './bake.mjs';

/**
 * Starts a lab and answers its facts (the content of lab.json). A lab of that name that runs with the same
 * topology is answered as it is; `reset` gives a pristine one.
 * @param options {name, topology, port, cold, guests, quiet}: cold boots instead of restoring a baked state;
 *   guests: false leaves them off (cold only).
 */
export async function up({
  name = 'default',
  topology = 'default',
  port,
  cold = false,
  guests = true,
  quiet,
} = {}) {
  const progress = startProgress({ quiet });
  const lab = instance(name);
  const plan = await readTopology(topology);
  const facts = await runningFacts(lab, plan);
  if (facts) {
    progress.note(`lab ${name} is up already (reset gives a pristine one)`);
    return facts;
  }
  await ensurePackages({ build: true, progress });
  const { folder: image } = await ensureImage(progress);
  const state = cold ? undefined : await bakedState({ image, topology: plan, progress });
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

/** Ends a lab and removes what it left. Fine to call when there is none. */
export async function down(name = 'default') {
  const lab = instance(name);
  const was = (await runningPid(lab)) !== undefined;
  await stop(lab);
  await forget(lab);
  return was;
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
