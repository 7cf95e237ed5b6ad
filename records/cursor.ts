import { failure, SlipwayError } from '../domain/failures.js';

export interface Page<T> {
  items: T[];
  /** Null on the last page. */
  next: string | null;
}

/** What a place in a list is made of; a time is RFC 3339 text. */
export type Part = 'text' | 'time' | 'number';

/** A place in a list, as opaque text for the next page. */
export function writeCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** The place a cursor names. Throws `request-invalid` for text that `writeCursor` did not make for such a list. */
export function readCursor(cursor: string, parts: readonly Part[]): (string | number)[] {
  const place = parsed(cursor);
  const fits =
    Array.isArray(place) &&
    place.length === parts.length &&
    parts.every((part, index) => isPart(part, place[index]));
  if (fits) return place as (string | number)[];
  const actual = cursor.slice(0, 80);
  const expected = 'the next of the page before';
  throw new SlipwayError(failure('request-invalid', { where: { field: 'cursor' }, expected, actual }));
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}

function isPart(part: Part, value: unknown): boolean {
  if (part === 'number') return Number.isSafeInteger(value);
  if (typeof value !== 'string' || value.includes('\0')) return false;
  return part === 'text' || (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) && !Number.isNaN(Date.parse(value)));
}
