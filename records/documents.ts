import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/canonical.js';

/** Lower-case hex sha-256 of a text in UTF-8. */
export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** Digest of what a value means: equal for equal data, whatever the order of its keys. */
export function digestOf(value: unknown): string {
  return sha256(canonicalJson(plain(value)));
}

/** A value as a JSON column keeps it. */
export function document(value: unknown): string {
  return JSON.stringify(plain(value));
}

/**
 * What JSON carries of a value, with every string well formed: a tool may print half a surrogate pair, and neither
 * canonical JSON nor Postgres would take it.
 */
export function plain<T>(value: T): T {
  return wellFormed(JSON.parse(JSON.stringify(value))) as T;
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key.toWellFormed(), wellFormed(member)]),
  );
}

/** The beginning of a text, with a note of how much was left out. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return `${text.slice(0, limit).toWellFormed()}… (${text.length - limit} more characters)`;
}

/** A time as every row and every hash has it: UTC, milliseconds. Throws for text that is no time. */
export function utc(time: string): string {
  return new Date(time).toISOString();
}
