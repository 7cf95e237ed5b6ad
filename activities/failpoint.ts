import { appendFileSync, readFileSync, renameSync } from 'node:fs';

/**
 * Places where a test kills the process, to prove that what follows survives it:
 * b0 before the intent · b1 intent committed, before the call · b2 call in flight · b3 reply got, before
 * the outcome is committed · b4 outcome committed, before completion is reported.
 *
 * The places are armed by a file which only tests name: `act.b2` or `act.b2#3` (the third time it is
 * reached) kills once and renames the file to `….fired`; `trace` only notes each place in `….hits`.
 */
let file: string | undefined;
let reached = { spec: '', times: 0 };

export function armFailpoints(path: string | undefined): void {
  file = path;
}

export function failpoint(name: string): void {
  if (file === undefined) return;
  const spec = readSpec(file);
  if (spec === 'trace') return appendFileSync(`${file}.hits`, `${name}\n`);
  const [armed, nth = '1'] = spec.split('#');
  if (armed !== name) return;
  reached = { spec, times: reached.spec === spec ? reached.times + 1 : 1 };
  if (reached.times < Number(nth)) return;
  renameSync(file, `${file}.fired`);
  process.kill(process.pid, 'SIGKILL');
}

function readSpec(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
