import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../../stack/places.js';

/** What the lab says of itself (lab.json), as far as the bench needs it. */
export interface LabFacts {
  host: string;
  estate: string;
  ssh: { host: string; port: number; user: string; identity: string; knownHosts: string };
  devices: { name: string; functions: { address: string; vendor: string; device: string }[] }[];
}

/** Brings the lab up; `down` only if it was not up before. */
export async function openLab(
  name: string,
  say: (line: string) => void,
): Promise<{ facts: LabFacts; close(): Promise<void> }> {
  const wasUp = (await labCommand(['status', '--name', name])) === 0;
  const code = await labCommand(['up', '--name', name], say);
  if (code !== 0)
    throw new Error(`the lab ${name} did not come up; try: npm run lab:kvm -- up --name ${name}`);
  const text = readFileSync(join(checkout, '.slipway', 'lab', name, 'lab.json'), 'utf8');
  return {
    facts: JSON.parse(text) as LabFacts,
    close: async () => void (wasUp || (await labCommand(['down', '--name', name]))),
  };
}

function labCommand(
  words: readonly string[],
  say: (line: string) => void = () => undefined,
): Promise<number> {
  const child = spawn(process.execPath, [join(checkout, 'lab', 'kvm', 'lab.mjs'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => text.toString().trimEnd().split('\n').forEach(say));
  return new Promise((resolve, reject) =>
    child.once('error', reject).once('close', (code) => resolve(code ?? 1)),
  );
}
