import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

/** The worker's failpoint file as a test uses it; see activities/failpoint.ts. */
export class FailpointFile {
  constructor(readonly path: string) {}

  /** Kills the worker at the `hit`-th time that it comes to `place`; once. */
  arm(place: string, hit: number): void {
    this.clear();
    writeFileSync(this.path, `${place}#${hit}`);
  }

  trace(): void {
    this.clear();
    writeFileSync(this.path, 'trace');
  }

  get fired(): boolean {
    return existsSync(`${this.path}.fired`);
  }

  /** The places that were reached since `trace`, in order. */
  get hits(): string[] {
    return existsSync(`${this.path}.hits`)
      ? readFileSync(`${this.path}.hits`, 'utf8').trim().split('\n')
      : [];
  }

  clear(): void {
    for (const suffix of ['', '.fired', '.hits']) rmSync(`${this.path}${suffix}`, { force: true });
  }
}
