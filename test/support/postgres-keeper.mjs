// Runs a private Postgres for one test run and takes it away when that run is gone, however it ended.
// argv: directory, process id of the run, directory of the binaries, uid, gid (both empty: as we are).
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

const [directory, run, binaries, uid, gid] = process.argv.slice(2);
const as = uid ? { uid: Number(uid), gid: Number(gid) } : {};
const data = path.join(directory, 'data');

const port = await freePort();
mkdirSync(data, { mode: 0o700 });
if (uid) chownSync(data, as.uid, as.gid);
const made = spawnSync(
  path.join(binaries, 'initdb'),
  ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
  { ...as, cwd: '/', encoding: 'utf8' },
);
if (made.status !== 0) answer({ error: `initdb: ${made.stderr || made.error}` });

const settings = [
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'max_connections=200',
  'unix_socket_directories=',
];
const server = spawn(
  path.join(binaries, 'postgres'),
  ['-D', data, '-h', '127.0.0.1', '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
  { ...as, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] },
);
let log = '';
server.stderr.on('data', (chunk) => {
  log = (log + chunk).slice(-4000);
  if (log.includes('ready to accept connections')) answer({ port });
});
server.on('exit', () => {
  answer({ error: `postgres ended: ${log}` });
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
});

setInterval(() => {
  if (!isAlive(Number(run))) server.kill('SIGINT');
}, 250);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => server.kill('SIGINT'));

let answered = false;
function answer(ready) {
  if (answered) return;
  answered = true;
  const file = path.join(directory, 'ready.json');
  writeFileSync(`${file}.new`, JSON.stringify(ready));
  renameSync(`${file}.new`, file);
  if (ready.error) process.exitCode = 1;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
