/** Something immutable was written again with another content, e.g. an idempotency key with another request. */
export class RecordConflict extends Error {
  constructor(
    /** What it is about, in the words of the glossary: `idempotency key`, `plan`, `review`. */
    readonly what: string,
    readonly id: string,
    /** The id of what is stored, e.g. of the change that used the key first. */
    readonly existing: string,
  ) {
    super(`${what} ${id} is taken by something else: expected the same content as ${existing}`);
    this.name = 'RecordConflict';
  }
}
