// Whether compose takes docker-compose.yml with the example environment. No container is started, none need run.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { root } from './setup/places.mjs';

const ways = [
  ['docker-compose', []],
  ['docker', ['compose']],
];
const arguments_ = ['--env-file', 'compose.env.example', 'config', '--quiet'];

function tryAll() {
  for (const [file, first] of ways) {
    const there = spawnSync(file, [...first, 'version'], { stdio: 'ignore' }).status === 0;
    if (there) return spawnSync(file, [...first, ...arguments_], { cwd: root, stdio: 'inherit' }).status;
  }
  return undefined;
}

function installable() {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version');
}

let status = tryAll();
if (status === undefined && installable()) {
  const quiet = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  const install = () => spawnSync('apt-get', ['install', '--yes', '-qq', 'docker-compose'], quiet).status;
  if (install() !== 0 && spawnSync('apt-get', ['update', '-qq'], quiet).status === 0) install();
  status = tryAll();
}
if (status === undefined) {
  console.log(
    'compose: not checked: neither docker-compose nor docker compose is here, and only root can install it',
  );
} else {
  console.log(
    status === 0 ? 'compose: docker-compose.yml is well formed' : 'compose: docker-compose.yml is broken',
  );
  process.exitCode = status;
}
