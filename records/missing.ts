/** The register has no such row although the caller must have written it before. */
export class RecordMissing extends Error {
  constructor(
    readonly what: string,
    readonly id: string,
  ) {
    super(`the register has no ${what} ${id}`);
    this.name = 'RecordMissing';
  }
}
