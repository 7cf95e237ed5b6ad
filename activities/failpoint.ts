/**
 * Places where a test kills the process, to prove that what follows survives it:
 * b0 before the intent · b1 intent committed, before the call · b2 call in flight · b3 reply got, before
 * the outcome is committed · b4 outcome committed, before completion is reported.
 */
let armed: { name: string; hits: number } | null = null;

/** `name` or `name#3`: the third time the place is reached. Called once, by the worker's main. */
export function armFailpoint(spec: string | undefined): void {
  const [name = '', nth = '1'] = (spec ?? '').split('#');
  armed = name ? { name, hits: Number(nth) } : null;
}

export function failpoint(name: string): void {
  if (armed?.name !== name) return;
  armed.hits -= 1;
  if (armed.hits === 0) process.kill(process.pid, 'SIGKILL');
}
