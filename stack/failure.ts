/** Why the stack does not start, with what to do about it; printed without a stack trace. */
export class StackError extends Error {
  override readonly name = 'StackError';

  constructor(
    message: string,
    readonly remedies: readonly string[] = [],
  ) {
    super([message, ...remedies.map((remedy) => `  - ${remedy}`)].join('\n'));
  }
}
