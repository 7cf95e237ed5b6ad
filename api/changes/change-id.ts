import { randomBytes } from 'node:crypto';
import { type PipeTransform } from '@nestjs/common';
import { ProblemError } from '../problem.js';

/** Crockford's alphabet: no letter that reads like a digit, and sorted like the values it stands for. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const timeDigits = 10;
const randomDigits = 16;
const shape = /^chg_[0-9a-hjkmnp-tv-z]{26}$/;

/** A new change id: opaque, safe in URLs, sorted by the time it was made (48 bits of milliseconds, 80 of chance). */
export function newChangeId(now = Date.now()): string {
  const time = Array.from(
    { length: timeDigits },
    (_, place) => Math.floor(now / 32 ** (timeDigits - 1 - place)) % 32,
  );
  const chance = Array.from(randomBytes(randomDigits), (byte) => byte % 32);
  return `chg_${[...time, ...chance].map((digit) => alphabet[digit]).join('')}`;
}

/** A path's id; what can't be an id is a change nobody has, and never reaches the register. */
export class ChangeIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!shape.test(id)) throw new ProblemError('change-unknown', { detail: 'no change has such an id' });
    return id;
  }
}
