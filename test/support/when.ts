import { it } from '@jest/globals';

/**
 * A test that needs something a machine may not have: runs it where that is there, else shows it as skipped with
 * the reason. The run prints every skip; as root on Debian only those of test/skips.json are taken.
 */
export function itWhen(
  possible: boolean,
  reason: string,
  title: string,
  body: () => Promise<void> | void,
): void {
  if (possible) it(title, body);
  else it.skip(`${title} (skipped: ${reason})`, body);
}
