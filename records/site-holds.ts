import type { Identity } from '../domain/change.js';
import type { Db } from './database.js';

export interface SiteHold {
  site: string;
  by: Identity;
  reason: string;
  since: string;
}

/** The one switch that holds everything on a site. Held already: it stays as it is. Audit event `site.held` in the chain `site/<id>`. */
export function holdSite(_db: Db, _hold: { site: string; by: Identity; reason: string; at: string }): Promise<SiteHold> {
  throw new Error('not written yet');
}

/** False if it was not held. Audit event `site.released`. */
export function releaseSite(_db: Db, _release: { site: string; by: Identity; at: string }): Promise<boolean> {
  throw new Error('not written yet');
}

export function siteHold(_db: Db, _site: string): Promise<SiteHold | null> {
  throw new Error('not written yet');
}

export function listSiteHolds(_db: Db): Promise<SiteHold[]> {
  throw new Error('not written yet');
}
