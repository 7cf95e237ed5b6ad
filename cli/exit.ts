import type { ChangeView, ProblemView } from './schemas.js';

/** Exit codes that scripts may rely on. */
export const Exit = { ok: 0, error: 1, usage: 2, conflict: 3, denied: 4, undone: 5, parked: 6 } as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

/** An error of the CLI itself, told with its remedy. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly remedy: string,
    readonly exit: Exit = Exit.error,
  ) {
    super(message);
    this.name = 'CliError';
  }
}

/** The API said no, in a problem document. */
export class ApiProblem extends Error {
  constructor(readonly problem: ProblemView) {
    super(problem.title);
    this.name = 'ApiProblem';
  }
}

export function exitOfStatus(status: number): Exit {
  if (status === 401 || status === 403) return Exit.denied;
  if (status === 409 || status === 412) return Exit.conflict;
  if (status === 400 || status === 413 || status === 415 || status === 422) return Exit.usage;
  return Exit.error;
}

/** How a followed change ends for a script: 0 only if it did what it was for. */
export function exitOfChange({ state, ending }: Pick<ChangeView, 'state' | 'ending'>): Exit {
  if (state === 'parked') return Exit.parked;
  if (ending === 'succeeded') return Exit.ok;
  return ending === 'undone' ? Exit.undone : Exit.error;
}
