import { spawn } from 'node:child_process';
import type { DemoReport } from '../../lab/demo/report.js';
import { checkout, compiled, readSetUp } from '../../stack/places.js';

/** The demo as a person runs it, on a stack of its own or on the lab that it brings up itself. */
export async function demo(
  on: 'simulated' | 'kvm',
  ...words: string[]
): Promise<{ code: number | null; report: DemoReport; told: string }> {
  const argv = [compiled('lab/demo/main.js'), '--on', on, '--json', ...words];
  const child = spawn(readSetUp().node, argv, { cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, told] = [collect(child.stdout), collect(child.stderr)];
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (!out()) throw new Error(`the demo printed nothing, exit code ${code}: ${told()}`);
  return { code, report: JSON.parse(out()) as DemoReport, told: told() };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.on('data', (piece: Buffer) => (text += piece.toString()));
  return () => text;
}
