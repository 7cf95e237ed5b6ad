// How an instance comes up, cold or restored, and how it ends.
import { describe, writeEstate, writeKeys } from './estate.mjs';
import { prepare, readFacts, runningPid, writeFacts } from './instance.mjs';
import { LabError, until } from './process.mjs';
import { closeShared } from './ssh.mjs';
import * as start from './start.mjs';

/** A cold start. `bare` leaves out what cannot be baked. */
export async function boot({ lab, image, topology, port: wanted, guests, bare = false, progress }) {
  await prepare(lab, topology);
  const port = await start.startMachine(lab, { image, topology, port: wanted, bare });
  await writeKeys(lab, image, port);
  await start.waitForSsh(lab, port, 300_000);
  progress.reached('ssh', `ssh answers on 127.0.0.1:${port}`);
  await start.waitForLibvirt(lab, port, 300_000);
  progress.reached('libvirt', 'libvirt answers');
  if (guests) {
    await start.startGuests(lab, port);
    progress.reached('guestsStarted', 'guests started');
    await start.waitForAgents(lab, port, 600_000);
    progress.reached('agents', "the guests' agents answer");
  }
  if (bare) return { port };
  const functions = await start.waitForDevices(lab, port, topology, 300_000);
  return settle({ lab, port, topology, restored: false, functions, progress });
}

/** A start from a baked state: host and guests go on where they were saved, then the disks are plugged in. */
export async function restore({ lab, image, topology, port: wanted, state, progress }) {
  await prepare(lab, topology);
  const port = await start.startMachine(lab, { image, topology, port: wanted, bare: true, state });
  await writeKeys(lab, image, port);
  await start.resume(lab);
  progress.reached('running', 'state restored, host running');
  await start.plugLateDevices(lab, topology);
  await start.waitForSsh(lab, port, 300_000);
  await start.setClock(lab, port);
  progress.reached('ssh', `ssh answers on 127.0.0.1:${port}`);
  const [functions] = await Promise.all([
    start.waitForDevices(lab, port, topology, 300_000),
    start
      .waitForAgents(lab, port, 300_000)
      .then(() => progress.reached('agents', "libvirt and the guests' agents answer")),
  ]);
  return settle({ lab, port, topology, restored: true, functions, progress });
}

async function settle({ lab, port, topology, restored, functions, progress }) {
  await writeEstate(lab, port);
  progress.reached('up', `lab ${lab.name} is up; estate: ${lab.estate}`);
  const pid = await runningPid(lab);
  const facts = describe(lab, { pid, port, topology, restored, functions, times: progress.times });
  await writeFacts(lab, facts);
  return facts;
}

/** Ends QEMU at once: there is nothing in it to keep. */
export async function stop(lab) {
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
