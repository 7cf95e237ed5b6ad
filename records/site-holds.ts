import { randomUUID } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { Identity } from '../domain/change.js';
import { actorOf, tell } from './audit.js';
import { type Db, fromRegister, inRegister } from './database.js';
import { document, utc } from './documents.js';
import type { Tables } from './schema.js';

export interface SiteHold {
  site: string;
  by: Identity;
  reason: string;
  since: string;
}

/** The one switch that holds everything on a site. Held already: it stays as it is. Audit event `site.held` in the chain `site/<id>`. */
export async function holdSite(
  db: Db,
  { site, by, reason, at }: { site: string; by: Identity; reason: string; at: string },
): Promise<SiteHold> {
  return inRegister(db, async (trx) => {
    const written = await trx
      .insertInto('site_holds')
      .values({ site, held_by: document(by), reason, since: utc(at) })
      .onConflict((conflict) => conflict.column('site').doNothing())
      .returningAll()
      .executeTakeFirst();
    if (!written) return (await siteHold(trx, site)) ?? holdSite(trx, { site, by, reason, at });
    await tell(trx, siteEvent('site.held', site, by, at, { reason }));
    return asHold(written);
  });
}

/** False if it was not held. Audit event `site.released`. */
export async function releaseSite(
  db: Db,
  { site, by, at }: { site: string; by: Identity; at: string },
): Promise<boolean> {
  return inRegister(db, async (trx) => {
    const removed = await trx.deleteFrom('site_holds').where('site', '=', site).executeTakeFirst();
    if (removed.numDeletedRows === 0n) return false;
    await tell(trx, siteEvent('site.released', site, by, at, {}));
    return true;
  });
}

/** Only a switch that really moved is noted, so the key need not be the same on a repetition. */
function siteEvent(kind: string, site: string, by: Identity, at: string, data: Record<string, unknown>) {
  return { changeId: `site/${site}`, key: `${kind}/${randomUUID()}`, at, actor: actorOf(by), kind, data };
}

export async function siteHold(db: Db, site: string): Promise<SiteHold | null> {
  const row = await fromRegister(db, (handle) =>
    handle.selectFrom('site_holds').selectAll().where('site', '=', site).executeTakeFirst(),
  );
  return row ? asHold(row) : null;
}

export async function listSiteHolds(db: Db): Promise<SiteHold[]> {
  const rows = await fromRegister(db, (handle) =>
    handle.selectFrom('site_holds').selectAll().orderBy('site').execute(),
  );
  return rows.map(asHold);
}

function asHold({ site, held_by: by, reason, since }: Selectable<Tables['site_holds']>): SiteHold {
  return { site, by, reason, since };
}
