// Brings an instance's emulated host to life: cold, or from a baked state.
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { domains } from './domains.mjs';
import { freePort, runningPid } from './instance.mjs';
import { frontends, machineArguments, qemu } from './machine.mjs';
import { openQmp } from './qmp.mjs';
import { LabError, until } from './process.mjs';
import { greets, openShared, sshRun } from './ssh.mjs';
import { pluggedLater } from './topology.mjs';

/**
 * Starts QEMU detached from us. `stateStream` is a readable stream with a file descriptor (a child's stdout)
 * that carries a baked state. Answers the port.
 */
export async function startMachine(lab, { image, topology, port, bare, state }) {
  const chosen = port ?? (await freePort());
  const argv = machineArguments({ name: lab.name, image, topology, files: lab, port: chosen, bare });
  const log = await open(lab.qemuLog, 'w');
  const unpack = state
    ? spawn('lz4', ['-dc', state], { stdio: ['ignore', 'pipe', log.fd], detached: true })
    : undefined;
  const child = spawn(qemu, [...argv, ...(unpack ? ['-incoming', 'fd:3'] : [])], {
    stdio: ['ignore', log.fd, log.fd, ...(unpack ? [unpack.stdout] : [])],
    detached: true,
  });
  const ended = { code: undefined };
  child.on('error', (error) => (ended.code = error.message));
  child.on('exit', (code, signal) => (ended.code = signal ?? code));
  child.unref();
  unpack?.unref();
  unpack?.stdout.destroy();
  await until(() => ended.code !== undefined || answers(lab), {
    limit: 20_000,
    every: 50,
    onTimeout: () => new LabError('QEMU does not open its control socket', { actual: lab.qemuLog }),
  });
  if (ended.code !== undefined) throw await startFailure(lab, ended.code);
  await log.close();
  return chosen;
}

const answers = (lab) =>
  openQmp(lab.qmp).then(
    (session) => (session.close(), true),
    () => false,
  );

async function startFailure(lab, code) {
  const log = (await readFile(lab.qemuLog, 'utf8').catch(() => '')).trim();
  return new LabError('QEMU ended while starting', {
    expected: 'a running machine',
    actual: `exit ${code}: ${log.split('\n').slice(-5).join(' | ')}`,
    remedy: /hostfwd|host forwarding/i.test(log)
      ? 'the port is taken: choose another with --port'
      : `see ${lab.qemuLog}`,
  });
}

/** Waits until the baked state is in, then lets the machine run. */
export async function resume(lab) {
  const session = await openQmp(lab.qmp);
  try {
    await until(async () => (await session.execute('query-status')).status !== 'inmigrate', {
      limit: 120_000,
      every: 50,
      onTimeout: () =>
        new LabError('the baked state did not load', { actual: lab.qemuLog, remedy: 'bake --force' }),
    });
    await session.execute('cont');
  } finally {
    session.close();
  }
}

/** Plugs in what a baked state cannot hold, at the same ports as in a cold start. */
export async function plugLateDevices(lab, topology) {
  const session = await openQmp(lab.qmp);
  try {
    for (const device of topology.devices.filter(({ kind }) => pluggedLater.includes(kind))) {
      for (const properties of frontends(device).filter(({ driver }) => driver !== 'nvme-ns')) {
        await session.execute('device_add', properties);
      }
    }
  } finally {
    session.close();
  }
}

export async function waitForSsh(lab, port, limit) {
  const probe = async () => (await mustRun(lab, 'ssh')) && greets(port);
  await until(probe, { limit, every: 100, onTimeout: () => silence(lab, 'ssh') });
  await until(() => openShared(lab, port), {
    limit: 120_000,
    onTimeout: () => silence(lab, 'a login by ssh'),
  });
}

export async function waitForLibvirt(lab, port, limit) {
  const asked = await sshRun(lab, port, ['until test -e /run/lab/libvirt-ready; do sleep 0.2; done'], {
    timeout: limit,
  });
  if (asked.code !== 0) throw await silence(lab, 'libvirt');
}

async function mustRun(lab, what) {
  if ((await runningPid(lab)) === undefined) throw await silence(lab, what);
  return true;
}

async function silence(lab, what) {
  const console = (await readFile(lab.serial, 'utf8').catch(() => ''))
    .trim()
    .split('\n')
    .slice(-5)
    .join(' | ');
  const alive = (await runningPid(lab)) !== undefined;
  return new LabError(`the emulated host does not offer ${what}`, {
    expected: `${what} within the time limit`,
    actual: `${alive ? 'QEMU runs' : 'QEMU has ended'}; console: ${console}`,
    remedy: `see ${lab.serial} and ${lab.qemuLog}`,
  });
}

/** Starts the guests that boot, and the one that never will. */
export async function startGuests(lab, port) {
  for (const { name } of domains) {
    const { code, stderr } = await sshRun(lab, port, ['virsh', '-q', 'start', name]);
    if (code !== 0) throw new LabError(`guest ${name} does not start`, { actual: stderr.trim() });
  }
}

/** Waits until the agent in every booting guest answers a ping, and its drivers are loaded. */
export async function waitForAgents(lab, port, limit) {
  const names = domains.filter(({ probe }) => probe === 'agent').map(({ name }) => name);
  for (const name of names) {
    const ping = ['virsh', '-q', 'qemu-agent-command', name, '{"execute":"guest-ping"}', '--timeout', '5'];
    const what = `the agent of guest ${name}`;
    const probe = async () => (await mustRun(lab, what)) && (await sshRun(lab, port, ping)).code === 0;
    await until(probe, { limit, every: 300, onTimeout: () => silence(lab, what) });
    const ready = [`until grep -q 'GUEST ready' /var/log/guests/${name}.log; do sleep 0.2; done`];
    if ((await sshRun(lab, port, ready, { timeout: limit })).code !== 0)
      throw await silence(lab, `guest ${name}`);
  }
}

/** A restored host still has the clock of the day it was baked. */
export async function setClock(lab, port) {
  await sshRun(lab, port, ['date', '-s', `@${Math.floor(Date.now() / 1000)}`]);
}

/** Every PCI function the host has: address, ids, class, driver and IOMMU group, read from sysfs. */
export async function listFunctions(lab, port) {
  // Shell built-ins only: under emulation every new process costs more than all the reading.
  const line =
    'for d in /sys/bus/pci/devices/*; do read -r v <$d/vendor; read -r i <$d/device; read -r c <$d/class; r= g=; ' +
    'if test -e $d/driver; then cd -P $d/driver && r=${PWD##*/}; fi; ' +
    'if test -e $d/iommu_group; then cd -P $d/iommu_group && g=${PWD##*/}; fi; ' +
    'echo "${d##*/} $v $i $c $r. $g."; done';
  const { code, stdout } = await sshRun(lab, port, [line]);
  if (code !== 0) throw await silence(lab, 'its list of devices');
  const bare = (text) => text.replace(/\.$/, '') || undefined;
  return stdout
    .trim()
    .split('\n')
    .map((text) => text.split(' '))
    .map(([address, vendor, device, type, driver, group]) => ({
      ...{ address, vendor: vendor.slice(2), device: device.slice(2), class: type.slice(2) },
      ...{ driver: bare(driver), group: bare(group) },
    }));
}

/** Waits until every device of the topology has the driver it will have, and libvirt knows it. Answers all functions. */
export async function waitForDevices(lab, port, topology, limit) {
  const wanted = topology.devices.flatMap(({ addresses }) => addresses);
  let seen = [];
  const missing = () =>
    new LabError('devices of the topology are missing on the host', {
      expected: wanted.join(' '),
      actual: seen.map(({ address, driver }) => `${address}=${driver ?? '-'}`).join(' '),
    });
  const probe = async () => {
    seen = await listFunctions(lab, port);
    return wanted.every((address) => seen.some((one) => one.address === address && settled(one)));
  };
  await until(probe, { limit, onTimeout: missing });
  await until(() => libvirtKnows(lab, port, wanted), { limit, onTimeout: missing });
  return seen;
}

async function libvirtKnows(lab, port, addresses) {
  const { stdout } = await sshRun(lab, port, ['virsh', '-q', 'nodedev-list', '--cap', 'pci']);
  const known = new Set(stdout.split('\n').map((line) => line.trim()));
  return addresses.every((address) => known.has(`pci_${address.replace(/[:.]/g, '_')}`));
}

/** The boot display has no driver here; everything else gets one. */
const settled = ({ driver, class: type }) => driver !== undefined || type === '030000';
