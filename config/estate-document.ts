import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';

/** What is wrong at one place of an estate file, and what to do about it. */
export interface EstateProblem {
  /** Path in the document, e.g. `sites[0].hosts[1].connect.ssh.port`, with its line if it has one. */
  readonly place: string;
  readonly expected: string;
  readonly actual: string;
  readonly remedy: string;
}

/** Everything that is wrong with an estate file, at once. Values that could be secrets are never shown. */
export class EstateError extends Error {
  override readonly name = 'EstateError';

  constructor(
    readonly file: string,
    readonly problems: readonly EstateProblem[],
  ) {
    super(
      [
        `the estate file ${file} is not usable:`,
        ...problems.map(
          ({ place, expected, actual, remedy }) =>
            `  ${place}: expected ${expected}, found ${actual}; ${remedy}`,
        ),
      ].join('\n'),
    );
  }
}

/** A value with the place it came from. */
export interface Spot {
  readonly value: unknown;
  readonly path: readonly (string | number)[];
}

/** Members of a mapping. One that is missing is a spot without a value, so that its place can be named. */
export class Members {
  readonly all: readonly (readonly [name: string, spot: Spot])[];

  constructor(
    private readonly path: Spot['path'],
    value: object,
  ) {
    this.all = Object.entries(value).map(([name, member]: [string, unknown]) => [
      name,
      { value: member, path: [...path, name] },
    ]);
  }

  has(name: string): boolean {
    return this.all.some(([known]) => known === name);
  }

  get(name: string): Spot {
    return (
      this.all.find(([known]) => known === name)?.[1] ?? { value: undefined, path: [...this.path, name] }
    );
  }
}

const mostBytes = 1024 * 1024;

/** Reads values out of a document and gathers every problem, so that one start tells of all of them. */
export class EstateDocument {
  readonly problems: EstateProblem[] = [];
  readonly root: Spot;
  /** Places that hold no mapping or list at all: what is missing below them needs no words of its own. */
  private readonly broken: Spot['path'][] = [];
  private readonly lineOf: (path: readonly (string | number)[]) => number | null;

  constructor(file: string, content: string) {
    const lines = new LineCounter();
    const document = parseDocument(content, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
    for (const { message, pos } of [...document.errors, ...document.warnings]) {
      const place = `line ${lines.linePos(pos[0]).line}`;
      this.problems.push({ place, expected: 'YAML', actual: message, remedy: 'correct the file’s syntax' });
    }
    if (this.problems.length > 0) throw new EstateError(file, this.problems);
    this.lineOf = (path) => {
      const node = path.length === 0 ? document.contents : document.getIn(path, true);
      const range =
        node && typeof node === 'object' && 'range' in node ? (node.range as number[] | null) : null;
      return range ? lines.linePos(range[0] ?? 0).line : null;
    };
    this.root = { value: plain(file, () => document.toJS({ maxAliasCount: 20 }) as unknown), path: [] };
  }

  wrong({ value, path }: Spot, expected: string, remedy: string, secret = false): undefined {
    if (this.broken.some((above) => above.every((part, index) => path[index] === part))) return undefined;
    const line = this.lineOf(path) ?? this.lineOf(path.slice(0, -1));
    const place = `${describePath(path)}${line === null ? '' : ` (line ${line})`}`;
    this.problems.push({
      place,
      expected,
      actual: secret ? 'something else (not shown)' : shown(value),
      remedy,
    });
    return undefined;
  }

  /** The members of a mapping; `known` names those that may be there. No members after a problem. */
  mapping(spot: Spot, known?: readonly string[]): Members {
    const { value, path } = spot;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      const expected = known ? `a mapping with ${known.join(', ')}` : 'a mapping';
      this.wrong(spot, expected, 'see the estate’s shape in docs');
      this.broken.push(path);
      return new Members(path, {});
    }
    const members = new Members(path, value);
    for (const [name, member] of members.all) {
      if (known && !known.includes(name)) {
        this.wrong({ value: name, path: member.path }, `one of ${known.join(', ')}`, 'correct or remove it');
      }
    }
    return members;
  }

  /** A mapping whose keys are names. The record has no prototype: any name may be looked up in it. */
  byName<T>(spot: Spot, pattern: RegExp, read: (spot: Spot) => T): Record<string, T> {
    const found = Object.create(null) as Record<string, T>;
    if (spot.value === undefined) return found;
    for (const [key, value] of this.mapping(spot).all) {
      this.text({ value: key, path: value.path }, pattern, 'another name', 'rename it');
      found[key] = read(value);
    }
    return found;
  }

  list(spot: Spot): Spot[] {
    const { value, path } = spot;
    if (Array.isArray(value))
      return value.map((item: unknown, index) => ({ value: item, path: [...path, index] }));
    this.wrong(spot, 'a list', 'begin each item with a dash');
    this.broken.push(spot.path);
    return [];
  }

  text(spot: Spot, pattern: RegExp, expected: string, remedy: string, secret = false): string {
    const { value } = spot;
    if (typeof value === 'string' && pattern.test(value)) return value;
    const quoted = typeof value === 'number' || typeof value === 'boolean' ? 'put it in quotes, or: ' : '';
    this.wrong(spot, expected, quoted + remedy, secret);
    return '';
  }

  choice<T extends string>(spot: Spot, choices: readonly T[], remedy: string): T | undefined {
    return choices.find((one) => one === spot.value) ?? this.wrong(spot, choices.join(' | '), remedy);
  }
}

export function readEstateDocument(file: string): EstateDocument {
  const problem = (expected: string, actual: string, remedy: string): EstateError =>
    new EstateError(file, [{ place: 'the file', expected, actual, remedy }]);
  let bytes: Buffer;
  try {
    const { size } = statSync(file);
    if (size > mostBytes) throw problem(`at most ${mostBytes} bytes`, `${size} bytes`, 'name an estate file');
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof EstateError) throw error;
    const { code = 'an error' } = error as NodeJS.ErrnoException;
    throw problem('a file that can be read', code, 'check SLIPWAY_ESTATE and the file’s permissions');
  }
  if (!isUtf8(bytes)) throw problem('text in UTF-8', 'other bytes', 'save the file as UTF-8');
  return new EstateDocument(file, bytes.toString('utf8'));
}

/** Aliases that multiply are refused while they are resolved. */
function plain(file: string, resolve: () => unknown): unknown {
  try {
    return resolve();
  } catch (error) {
    const actual = error instanceof Error ? error.message : String(error);
    throw new EstateError(file, [
      { place: 'the file', expected: 'a few aliases at most', actual, remedy: 'write the values out' },
    ]);
  }
}

function describePath(path: readonly (string | number)[]): string {
  const text = path.map((part) => {
    if (typeof part === 'number') return `[${part}]`;
    return /^[\w-]+$/.test(part) ? `.${part}` : `[${JSON.stringify(part.slice(0, 80))}]`;
  });
  return text.join('').replace(/^\./, '') || 'the document';
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'a mapping';
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 80) : value);
}
