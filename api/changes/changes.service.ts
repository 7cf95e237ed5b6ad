import { Injectable } from '@nestjs/common';
import { type ChangeRecord, getChange, listChanges } from '../../records/changes.js';
import type { Caller } from '../auth/caller.js';
import { ProblemError } from '../problem.js';
import { Register } from '../register.module.js';
import { Temporal } from '../temporal.module.js';
import type { ChangeQueryDto } from './change-query.dto.js';
import { type ChangePageView, type ChangeView, etagOf, viewOf } from './change.view.js';

/** Reading changes: from the register only, so that a list costs no worker anything. */
@Injectable()
export class Changes {
  constructor(
    private readonly register: Register,
    private readonly temporal: Temporal,
  ) {}

  async get(id: string): Promise<ChangeRecord> {
    const change = await getChange(this.register.db, id);
    if (!change) throw new ProblemError('change-unknown', { detail: `no change has the id ${id}` });
    return change;
  }

  /** The change, if it still is what the caller last saw. No If-Match: whatever it is. */
  async getIfMatch(id: string, ifMatch: string | undefined): Promise<ChangeRecord> {
    const change = await this.get(id);
    const tags = ifMatch?.split(',').map((tag) => tag.trim());
    if (tags && !tags.includes('*') && !tags.includes(etagOf(change))) {
      throw new ProblemError('etag-stale', {
        detail: `expected ${ifMatch}, the change is at ${etagOf(change)}`,
      });
    }
    return change;
  }

  async list(query: ChangeQueryDto, by: Caller): Promise<ChangePageView> {
    const { requester, awaitingReview, ...filter } = query;
    const { items, next } = await listChanges(this.register.db, {
      ...filter,
      ...(requester ? { requester: by.identity } : {}),
      ...(awaitingReview ? { awaitingReview: by.identity } : {}),
    });
    return { items: items.map((change) => this.view(change)), next };
  }

  view(change: ChangeRecord): ChangeView {
    return viewOf(change, this.temporal.historyUrl(change.id));
  }
}
