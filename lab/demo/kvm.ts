import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../../stack/places.js';
import type { Show } from './show.js';

const name = 'default';

/** Brings the lab up if it is not, and says where its estate is and which device the demo moves. `boot` names this run of it. */
export async function readLab(show: Show): Promise<{ estate: string; device: string; boot: string }> {
  show.line('bringing up the KVM lab (npm run lab:kvm -- up)');
  await run(process.execPath, [join(checkout, 'lab', 'kvm', 'lab.mjs'), 'up'], show);
  const directory = join(checkout, '.slipway', 'lab', name);
  const lab = JSON.parse(readFileSync(join(directory, 'lab.json'), 'utf8')) as {
    qemu: { pid: number };
    ssh: { port: number };
    devices: { name: string; functions: { address: string }[] }[];
  };
  const device = lab.devices.find((one) => one.name === 'nvme-0')?.functions[0]?.address;
  if (!device) throw new Error(`the lab has no device nvme-0: ${join(directory, 'lab.json')}`);
  return { estate: join(directory, 'estate.yaml'), device, boot: `${lab.qemu.pid}-${lab.ssh.port}` };
}

function run(file: string, argv: string[], show: Show): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, { cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) =>
        chunk
          .toString()
          .trimEnd()
          .split('\n')
          .forEach((line) => show.detail(line)),
      );
    }
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`the lab did not come up (exit ${code})`)),
    );
  });
}
