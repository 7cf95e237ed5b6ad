import { applyDecorators } from '@nestjs/common';
import { Matches, ValidateBy, type ValidationOptions } from 'class-validator';

/** Names of hosts and sites in the estate. Never a leading dash: a name may end up as a word of a command. */
export const hostName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** Names of VMs as the three hypervisors show them; no leading dash or space, no quotes, no control characters. */
export const vmName = /^[A-Za-z0-9_](?:[A-Za-z0-9 ._+@()#-]{0,78}[A-Za-z0-9._+@()#-])?$/;
export const aliasName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** A chain of audit events: a change's, or a site's. */
export const chainName = /^(chg_[0-9a-z]{26}|site\/[A-Za-z0-9][A-Za-z0-9._-]{0,62})$/;
export const ticketName = /^[A-Za-z0-9][A-Za-z0-9._/#:-]{0,62}$/;
/** An address of any mode, or an alias. */
export const deviceText = /^[A-Za-z0-9][A-Za-z0-9 ._:/{}#-]{0,200}$/;
export const planHashText = /^(sha256:)?[0-9a-f]{64}$/;
export const idText = /^[A-Za-z0-9_-]{8,64}$/;
export const hexId = /^(0x)?[0-9A-Fa-f]{4}$/;
export const fingerprintText = /^[A-Za-z0-9][A-Za-z0-9 ._:+/-]{0,62}$/;

const controls = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\ufeff]/u;
const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/** A name of a fixed alphabet. The refusal says the alphabet, never the value: that could be anything. */
export function Name(pattern: RegExp, expected: string): PropertyDecorator {
  return applyDecorators(Matches(pattern, { message: `expected ${expected}` }));
}

/**
 * One line of text for people. Quotes, dashes and markup are data and are kept as they are; control characters, line
 * breaks and text-direction marks are refused, since they could make a log or a terminal show something else.
 */
export function OneLine(longest: number, options?: ValidationOptions): PropertyDecorator {
  return Rule(
    'oneLine',
    (value) => isOneLine(value, longest),
    `expected one line of 1 to ${longest} characters, without control characters`,
    options,
  );
}

/** An instant with its offset, as RFC 3339 writes it; a local time without one is refused. */
export function Instant(): PropertyDecorator {
  return Rule(
    'instant',
    (value) => instantOf(value) !== null,
    'expected an RFC 3339 time with offset, such as 2026-12-05T22:00:00+01:00',
  );
}

export function isOneLine(value: unknown, longest: number): boolean {
  return (
    typeof value === 'string' &&
    value.trim() !== '' &&
    value.length <= longest &&
    value.isWellFormed() &&
    !controls.test(value)
  );
}

/** Milliseconds since the epoch; null for anything that is no RFC 3339 time. A 30th of February is none. */
export function instantOf(value: unknown): number | null {
  if (typeof value !== 'string' || !rfc3339.test(value)) return null;
  const time = Date.parse(value);
  const date = value.slice(0, 10);
  const exists = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(time) || Number.isNaN(exists.getTime())) return null;
  return exists.toISOString().startsWith(date) ? time : null;
}

export function Rule(
  name: string,
  validate: (value: unknown, of: object) => boolean,
  message: string,
  options?: ValidationOptions,
): PropertyDecorator {
  return ValidateBy(
    {
      name,
      validator: {
        validate: (value, args) => validate(value, args?.object ?? {}),
        defaultMessage: () => message,
      },
    },
    options,
  );
}
