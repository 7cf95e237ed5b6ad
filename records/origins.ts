import type { Origin } from '../domain/origin.js';
import type { Db } from './database.js';

/** Before the first act of an attach. `host` is the host's identity. A later attach of the same device replaces it. */
export function storeOrigins(_db: Db, _host: string, _origins: Origin[]): Promise<void> {
  throw new Error('not written yet');
}

export function originsOn(_db: Db, _host: string, _addresses: string[]): Promise<Origin[]> {
  throw new Error('not written yet');
}

/** When a return is proven, or an attach undone: then with `changeId`, so that only its own are forgotten. */
export function forgetOrigins(_db: Db, _host: string, _addresses: string[], _changeId?: string): Promise<void> {
  throw new Error('not written yet');
}
