import type { HostView } from '../domain/hypervisor.js';
import type { Db } from './database.js';

/**
 * Keeps one look at a host. If nothing differs from the last one only `observedAt` is written; a look older than the
 * stored one is dropped (`false`). A device that is no longer seen is marked gone, never deleted; a holder that can't be read leaves
 * the last known one in place. `aliases`: address to the estate's name for it.
 */
export function recordView(
  _db: Db,
  _hostId: string,
  _site: string,
  _view: HostView,
  _at: string,
  _aliases: Record<string, string> = {},
): Promise<boolean> {
  throw new Error('not written yet');
}
