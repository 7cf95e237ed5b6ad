// The way into the emulated host: the system's ssh, known host key only, one shared connection.
import { spawn } from 'node:child_process';
import { createConnection } from 'node:net';
import { run } from './process.mjs';

/** @param lab an instance; @param port its loopback port */
export function sshArguments(lab, port, { master = 'no' } = {}) {
  return [
    ...['ssh', '-F', 'none', '-q', '-p', String(port), '-i', lab.identity],
    ...['-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10'],
    ...['-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile="${lab.knownHosts}"`],
    ...['-o', `ControlMaster=${master}`, '-o', `ControlPath="${lab.control}"`],
    'root@127.0.0.1',
  ];
}

/** One argument is a line for the shell of the host; several are one command and its arguments. */
export function remoteLine(argv) {
  return argv.length === 1 ? argv[0] : argv.map(quote).join(' ');
}

const quote = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

export function sshRun(lab, port, argv, options) {
  return run([...sshArguments(lab, port), '--', remoteLine(argv)], options);
}

/** Runs with the caller's own terminal; answers the exit code. */
export function sshInteractive(lab, port, argv) {
  const command = argv.length ? ['--', remoteLine(argv)] : [];
  const [program, ...rest] = [...sshArguments(lab, port), ...command];
  const child = spawn(program, rest, { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal ? 255 : code));
  });
}

/** Opens the connection which later calls share. It lives until the host or this instance goes. */
export function openShared(lab, port) {
  const [program, ...rest] = sshArguments(lab, port, { master: 'yes' });
  const target = rest.pop();
  const child = spawn(program, [...rest, '-N', '-f', target], { stdio: 'ignore', detached: true });
  return new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}

export function closeShared(lab, port) {
  const [program, ...rest] = sshArguments(lab, port);
  const target = rest.pop();
  return run([program, ...rest, '-O', 'exit', target]);
}

/** Whether a server greets on the port. User networking accepts before anyone listens, so only the greeting counts. */
export function greets(port, limit = 2000) {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(limit, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.on('data', (chunk) => end(chunk.toString('latin1').startsWith('SSH-')));
  });
}
