// Starting other programs: argv only, never a shell line.
import { spawn } from 'node:child_process';

/** An error a person can act on: what failed, where, what was expected and found, what to do. */
export class LabError extends Error {
  constructor(what, { expected, actual, remedy, cause } = {}) {
    const lines = [what];
    if (expected) lines.push(`  expected: ${expected}`);
    if (actual) lines.push(`  actual:   ${actual}`);
    if (remedy) lines.push(`  remedy:   ${remedy}`);
    super(lines.join('\n'), { cause });
    this.name = 'LabError';
  }
}

/**
 * Runs argv to its end. Answers {code, signal, stdout, stderr}; stdout is a Buffer when `binary`.
 * Never throws for a non-zero exit. A time limit (ms) ends the program with SIGKILL.
 */
export function run(argv, { input, cwd, env, timeout, binary = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      cwd,
      env: { ...process.env, LC_ALL: 'C', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out = [];
    const err = [];
    const clock = timeout ? setTimeout(giveUp, timeout) : undefined;
    // Others may hold the ends of its pipes (a shared ssh connection does), so they are closed from this side too.
    function giveUp() {
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
    }
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    // A program may end without reading its input; that is for its exit code to say.
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    child.on('error', (cause) => {
      clearTimeout(clock);
      reject(new LabError(`cannot start ${argv[0]}: ${cause.message}`, { cause }));
    });
    child.on('close', (code, signal) => {
      clearTimeout(clock);
      const stdout = Buffer.concat(out);
      resolve({
        code: code ?? 128,
        signal,
        stdout: binary ? stdout : stdout.toString(),
        stderr: Buffer.concat(err).toString(),
      });
    });
  });
}

/** As run(), but a non-zero exit is an error. Answers stdout. */
export async function must(argv, options = {}) {
  const { remedy, ...rest } = options;
  const result = await run(argv, rest);
  if (result.code === 0) return result.stdout;
  throw new LabError(`command failed: ${argv.join(' ')}`, {
    expected: 'exit code 0',
    actual: `exit code ${result.signal ?? result.code}: ${tail(result.stderr || String(result.stdout))}`,
    remedy,
  });
}

function tail(text) {
  return text.trim().split('\n').slice(-6).join('\n            ');
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks `probe` again and again until it answers something truthy; after `limit` ms throws what `onTimeout` makes. */
export async function until(probe, { limit, every = 200, onTimeout }) {
  const end = Date.now() + limit;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (Date.now() > end) throw await onTimeout();
    await pause(every);
  }
}
