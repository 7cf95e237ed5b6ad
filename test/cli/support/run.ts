import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

export interface RunOptions {
  env?: Record<string, string>;
  input?: string;
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const flags = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning', '--import'];
const entry = [path('../../hypervisors/simulated/typescript.mjs'), path('../../../cli/main.ts')];

/** A home in which no stack ever ran. */
const nowhere = '/nonexistent/slipway';

/** Runs the CLI as a process of its own, from its source, with nothing in its environment but what is given. */
export async function slipway(args: string[], { env = {}, input = '' }: RunOptions = {}): Promise<Ran> {
  const child = spawn(process.execPath, [...flags, ...entry, ...args], {
    env: { PATH: process.env['PATH'] ?? '', SLIPWAY_HOME: nowhere, ...env },
    stdio: 'pipe',
  });
  // One that ends without reading its input closes the pipe: not our business.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
  ]);
  return { code, out, err };
}
