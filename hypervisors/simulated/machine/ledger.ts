import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Entities } from './state.js';
import type { Outcome } from './guard.js';

/**
 * What the simulator itself saw happen, in order. `effect` is a change made for an order (`late`: after its caller
 * was answered); `request` asked a guest for a device that it still has; `operator` is a change made by hand. The
 * other kinds are the guard's memory. State is rebuilt from the world file and these lines alone.
 */
export interface LedgerEntry {
  sequence: number;
  at: string;
  kind:
    | 'effect'
    | 'request'
    | 'operator'
    | 'fence'
    | 'begun'
    | 'finished'
    | 'guard-lost'
    | 'guard-seeded'
    | 'reset';
  host?: string;
  opId?: string | null;
  epoch?: number;
  /** Order's place within its change, and its attempt. */
  order?: { sequence: number; attempt: number };
  verb?: string;
  subject?: string;
  before?: Entities;
  after?: Entities;
  late?: boolean;
  keys?: string[];
  outcome?: Outcome;
}

export type LedgerLine = Omit<LedgerEntry, 'sequence' | 'at'>;

/** Append-only file of JSON lines. `flushed` is awaited before anybody is told of an effect. */
export class Ledger {
  readonly entries: LedgerEntry[];
  private unwritten: string[] = [];
  private writing: Promise<void> | null = null;

  private constructor(
    private readonly file: FileHandle,
    entries: LedgerEntry[],
  ) {
    this.entries = entries;
  }

  static async open(path: string): Promise<Ledger> {
    cutTornLine(path);
    const entries = parseLedger(readFileSync(path, 'utf8'), path);
    return new Ledger(await open(path, 'a'), entries);
  }

  append(line: LedgerLine): LedgerEntry {
    const entry = { sequence: this.entries.length + 1, at: new Date().toISOString(), ...line };
    this.entries.push(structuredClone(entry));
    this.unwritten.push(`${JSON.stringify(entry)}\n`);
    return entry;
  }

  /** Resolves when everything appended so far is on disk; writes of several callers share one fsync. */
  async flushed(): Promise<void> {
    while (this.writing) await this.writing;
    if (this.unwritten.length === 0) return;
    const text = this.unwritten.join('');
    this.unwritten = [];
    this.writing = this.file
      .appendFile(text)
      .then(() => this.file.datasync())
      .finally(() => (this.writing = null));
    await this.writing;
  }

  async close(): Promise<void> {
    await this.flushed();
    await this.file.close();
  }
}

/** A line that was being written when the power went was never acknowledged. */
function cutTornLine(path: string): void {
  const file = openSync(path, 'a+', 0o600);
  try {
    const bytes = readFileSync(path);
    const whole = bytes.lastIndexOf('\n') + 1;
    if (whole < bytes.length) ftruncateSync(file, whole);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

export function parseLedger(text: string, path: string): LedgerEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      try {
        return JSON.parse(line) as LedgerEntry;
      } catch (error) {
        throw new Error(
          `ledger ${path}, line ${index + 1}: expected a JSON document, found ${JSON.stringify(line.slice(0, 60))}; ` +
            'restore the file or start with a new one',
          { cause: error },
        );
      }
    });
}
