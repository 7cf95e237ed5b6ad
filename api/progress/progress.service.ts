import { Injectable } from '@nestjs/common';
import type { ChainedEvent } from '../../domain/audit.js';
import { compareFacts } from '../../domain/evidence.js';
import { auditEvents } from '../../records/audit.js';
import { type EvidenceRecord, getEvidence, getHistories } from '../../records/evidence.js';
import { getPlan } from '../../records/plans.js';
import { listSteps } from '../../records/steps.js';
import { type PlanView, planView } from '../changes/plan.view.js';
import { Changes } from '../changes/changes.service.js';
import { ProblemError } from '../problem.js';
import { Register } from '../register.module.js';
import type { EvidenceView, LiveView, SnapshotView, TimelineView } from './progress.view.js';

const pageOfEvents = 500;

/** How far a change came, and what proves it. */
@Injectable()
export class Progress {
  constructor(
    private readonly register: Register,
    private readonly changes: Changes,
  ) {}

  async plan(changeId: string, planHash?: string): Promise<PlanView> {
    const change = await this.changes.get(changeId);
    const wanted = planHash ?? change.planHash;
    const plan = wanted ? await getPlan(this.register.db, changeId, wanted) : null;
    if (plan) return planView(plan);
    throw new ProblemError('plan-missing', {
      detail: `the change is ${change.ending ?? change.state} and has no such plan`,
    });
  }

  async timeline(changeId: string): Promise<TimelineView> {
    await this.changes.get(changeId);
    const [steps, events] = await Promise.all([
      listSteps(this.register.db, changeId),
      this.eventsAfter(changeId, 0),
    ]);
    return { changeId, steps, events };
  }

  async evidence(changeId: string): Promise<EvidenceView> {
    await this.changes.get(changeId);
    const [records, histories] = await Promise.all([
      getEvidence(this.register.db, changeId),
      getHistories(this.register.db, changeId),
    ]);
    const before = snapshotOf(records.findLast((record) => record.moment === 'before'));
    const after = snapshotOf(records.findLast((record) => record.moment === 'after'));
    const differences = before && after ? compareFacts(before.facts, after.facts) : [];
    return {
      changeId,
      before,
      after,
      equal: before && after ? differences.length === 0 : null,
      differences,
      histories: histories.map(({ sha256, storedAt }) => ({ sha256, storedAt })),
    };
  }

  async live(changeId: string): Promise<LiveView> {
    const [change, steps] = await Promise.all([
      this.changes.get(changeId),
      listSteps(this.register.db, changeId),
    ]);
    return { change: this.changes.view(change), steps };
  }

  /** All events of a change after a sequence number; a chain is short: its steps and decisions. */
  async eventsAfter(changeId: string, after: number): Promise<ChainedEvent[]> {
    const events: ChainedEvent[] = [];
    for (;;) {
      const from = events.at(-1)?.sequence ?? after;
      const { items } = await auditEvents(this.register.db, { changeId, after: from, limit: pageOfEvents });
      events.push(...items);
      if (items.length < pageOfEvents) return events;
    }
  }
}

function snapshotOf(record: EvidenceRecord | undefined): SnapshotView | null {
  if (!record) return null;
  const { round, facts, digest, at } = record;
  return { round, facts, digest, at };
}
