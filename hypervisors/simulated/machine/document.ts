import { Refusal } from './refusal.js';

type Members = Record<string, unknown>;
/** A list's item with its place in the document. */
export type Item = readonly [value: unknown, where: string];

export function wrong(at: string, expected: string, found: unknown): never {
  const actual = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 80);
  throw new Refusal({ code: 'bad-request', text: at, expected, actual });
}

export function members(value: unknown, at: string, known?: readonly string[]): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return wrong(at, 'a mapping', value);
  const unknown = known && Object.keys(value).find((name) => !known.includes(name));
  return unknown ? wrong(`${at}.${unknown}`, `one of ${known.join(', ')}`, unknown) : (value as Members);
}

export function list(parent: Members, name: string, at = 'world'): Item[] {
  const value = parent[name] ?? [];
  if (!Array.isArray(value)) return wrong(`${at}.${name}`, 'a list', value);
  return value.map((item, index): Item => [item, `${at}.${name}[${index}]`]);
}

export function text(parent: Members, name: string, at: string, otherwise?: string): string {
  const value = parent[name] ?? otherwise;
  return typeof value === 'string' && value !== ''
    ? value
    : wrong(`${at}.${name}`, 'text (in quotes if it looks like a number)', value);
}

export function texts(parent: Members, name: string, at: string): string[] {
  const value = list({ [name]: parent[name] ?? [] }, name, at);
  return value.map(([item, where]) => (typeof item === 'string' ? item : wrong(where, 'text', item)));
}

export function number(parent: Members, name: string, at: string, otherwise?: number): number {
  const value = parent[name] ?? otherwise;
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
    ? value
    : wrong(`${at}.${name}`, 'a whole number, 0 or more', value);
}

export function flag(parent: Members, name: string, at: string, otherwise: boolean): boolean {
  const value = parent[name] ?? otherwise;
  return typeof value === 'boolean' ? value : wrong(`${at}.${name}`, 'true or false', value);
}

export function choice<T extends string>(
  parent: Members,
  name: string,
  at: string,
  choices: readonly T[],
  otherwise: T,
): T {
  const value = parent[name] ?? otherwise;
  return choices.find((one) => one === value) ?? wrong(`${at}.${name}`, choices.join(' | '), value);
}

export function unique(values: string[], at: string): void {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) wrong(at, 'different names', twice);
}
