import { Injectable, Logger } from '@nestjs/common';
import { ChangeState } from '../../domain/change.js';
import { type ChangeRecord, listChanges } from '../../records/changes.js';
import { holdSite, listSiteHolds, releaseSite, siteHold, type SiteHold } from '../../records/site-holds.js';
import { siteHoldSignal } from '../../workflows/contract.js';
import type { Caller } from '../auth/caller.js';
import { EstateDirectory } from '../estate.module.js';
import { failureText } from '../logging.js';
import { ProblemError } from '../problem.js';
import { Register } from '../register.module.js';
import { Temporal } from '../temporal.module.js';
import type { SiteView } from './site.view.js';

const signalWithinMs = 2_000;
const openStates = Object.values(ChangeState).filter((state) => state !== 'closed');

/** The one switch per site that holds everything. The register has it; changes ask it before each step and are told when it turns. */
@Injectable()
export class Sites {
  private readonly log = new Logger(Sites.name);

  constructor(
    private readonly register: Register,
    private readonly estate: EstateDirectory,
    private readonly temporal: Temporal,
  ) {}

  async list(): Promise<SiteView[]> {
    const holds = await listSiteHolds(this.register.db);
    return this.estate.sites.map((id) =>
      viewOf(
        id,
        holds.find((hold) => hold.site === id),
      ),
    );
  }

  async hold(site: string, reason: string, by: Caller): Promise<SiteView> {
    this.mustExist(site);
    const hold = await holdSite(this.register.db, {
      site,
      by: by.identity,
      reason,
      at: new Date().toISOString(),
    });
    await this.tellOpenChanges(site);
    return viewOf(site, hold);
  }

  async release(site: string, by: Caller): Promise<SiteView> {
    this.mustExist(site);
    await releaseSite(this.register.db, { site, by: by.identity, at: new Date().toISOString() });
    await this.tellOpenChanges(site);
    return viewOf(site, (await siteHold(this.register.db, site)) ?? undefined);
  }

  private mustExist(site: string): void {
    if (this.estate.sites.includes(site)) return;
    throw new ProblemError('site-unknown', { detail: `expected one of: ${this.estate.sites.join(', ')}` });
  }

  private async tellOpenChanges(site: string): Promise<void> {
    const changes = await this.openChanges(site);
    const told = await Promise.allSettled(
      changes.map(({ id }) =>
        this.temporal.within(signalWithinMs, () => this.temporal.change(id).signal(siteHoldSignal)),
      ),
    );
    told.forEach((result, index) => {
      if (result.status === 'rejected')
        this.log.warn(
          { changeId: changes[index]!.id, why: failureText(result.reason) },
          'not told of the switch',
        );
    });
  }

  private async openChanges(site: string): Promise<ChangeRecord[]> {
    const lists = await Promise.all(openStates.map((state) => this.allIn(state)));
    return lists.flat().filter((change) => change.request.site === site);
  }

  private async allIn(state: ChangeState): Promise<ChangeRecord[]> {
    const changes: ChangeRecord[] = [];
    let cursor: string | null = null;
    do {
      const page = await listChanges(this.register.db, { state, limit: 200, ...(cursor ? { cursor } : {}) });
      changes.push(...page.items);
      cursor = page.next;
    } while (cursor);
    return changes;
  }
}

function viewOf(id: string, hold: SiteHold | undefined): SiteView {
  return { id, hold: hold ? { by: hold.by, reason: hold.reason, since: hold.since } : null };
}
