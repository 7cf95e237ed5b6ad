// What goes wrong on a real host, on demand. Each answers when the fault is there (or is over), as observed.
// `lab` is always the name of an instance, `guest` the name of a domain, `device` a name of the topology.
import { facts, qmp, ssh } from './kvm-lab.mjs';
import { runningPid, instance } from './instance.mjs';
import { frontends } from './machine.mjs';
import { LabError, until } from './process.mjs';
import { readTopology } from './topology.mjs';

async function onHost(lab, line) {
  const { code, stdout, stderr } = await ssh(lab, [line]);
  if (code === 0) return stdout.trim();
  throw new LabError(`on the host of lab ${lab}: ${line}`, {
    expected: 'exit code 0',
    actual: `${code}: ${stderr.trim()}`,
  });
}

/** The libvirt daemon dies by SIGKILL; guests go on. */
export async function killLibvirtd(lab) {
  await onHost(lab, 'kill -9 $(pidof libvirtd) && while pidof libvirtd >/dev/null; do sleep 0.1; done');
}

/** The libvirt daemon is started (again) and answers. */
export async function startLibvirtd(lab) {
  await onHost(
    lab,
    'pidof libvirtd >/dev/null || /lab/libvirtd-start; until virsh version >/dev/null 2>&1; do sleep 0.2; done',
  );
}

/** The guest's QEMU dies by SIGKILL, and libvirt has noticed. */
export async function killGuest(lab, guest) {
  await onHost(lab, `kill -9 $(cat /run/libvirt/qemu/${guest}.pid)`);
  await onHost(lab, `until virsh domstate ${guest} | grep -q 'shut off'; do sleep 0.1; done`);
}

/** The guest's processors stop: it keeps its devices and answers nothing. */
export const pauseGuest = (lab, guest) => onHost(lab, `virsh -q suspend ${guest}`);
export const resumeGuest = (lab, guest) => onHost(lab, `virsh -q resume ${guest}`);

/** The management network is unplugged: connections stay open and silent until the cable is back. */
export const cutNetwork = (lab) => setLink(lab, false);
export const joinNetwork = (lab) => setLink(lab, true);

async function setLink(lab, up) {
  await qmp(lab, { execute: 'set_link', arguments: { name: 'management-nic', up } });
}

/** Every ssh connection but the lab's own is closed from the host's side; what they started runs on. */
export async function dropConnections(lab) {
  await onHost(
    lab,
    'own=$PPID; for pid in $(pgrep -P "$(cat /run/sshd.pid)"); do [ "$pid" = "$own" ] || kill -9 "$pid"; done',
  );
}

/** The whole host stands still, and goes on. */
export const freezeHost = (lab) => qmp(lab, 'stop');
export const thawHost = (lab) => qmp(lab, 'cont');

/** The host loses power. The lab is "crashed" afterwards; `reset` gives a new one. */
export async function losePower(lab) {
  const place = instance(lab);
  process.kill((await facts(lab)).qemu.pid, 'SIGKILL');
  await until(async () => (await runningPid(place)) === undefined, {
    limit: 10_000,
    onTimeout: () => new LabError(`lab ${lab} does not lose power`),
  });
}

/** A device is pulled out of the running host, whatever it is used for. */
export async function pullDevice(lab, device) {
  const [first] = await frontendsOf(lab, device);
  await qmp(lab, { execute: 'device_del', arguments: { id: first.id } });
  await onHost(lab, `while test -e /sys/bus/pci/devices/${await addressOf(lab, device)}; do sleep 0.1; done`);
}

/** A pulled device is plugged in again at its port; `other` changes properties, for example {serial: 'N9'}. */
export async function plugDevice(lab, device, other = {}) {
  const [first] = await frontendsOf(lab, device);
  await qmp(lab, { execute: 'device_add', arguments: { ...first, ...other } });
  await onHost(
    lab,
    `until test -e /sys/bus/pci/devices/${await addressOf(lab, device)}/driver; do sleep 0.1; done`,
  );
}

async function frontendsOf(lab, device) {
  const { devices } = await readTopology((await facts(lab)).topology);
  const found = devices.find(({ name }) => name === device);
  if (!found)
    throw new LabError(`no device ${device}`, { expected: devices.map(({ name }) => name).join(', ') });
  return frontends(found);
}

async function addressOf(lab, device) {
  return (await facts(lab)).devices.find(({ name }) => name === device).functions[0].address;
}
