import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { UpdateDefinition } from '@temporalio/common';
import { type ChangeState, type Identity, isFinal, sameIdentity } from '../../domain/change.js';
import { actorOf as auditActor, appendAudit, auditEvents } from '../../records/audit.js';
import type { ChangeRecord } from '../../records/changes.js';
import { inRegister } from '../../records/database.js';
import {
  type Resolution,
  type ResolveOrder,
  resolveUpdate,
  type StopOrder,
} from '../../workflows/contract.js';
import { actorOf, type Caller } from '../auth/caller.js';
import { ProblemError } from '../problem.js';
import { Register } from '../register.module.js';
import { Temporal } from '../temporal.module.js';
import { answersWithinMs, updateFailure } from '../update.js';
import type { OrderView, ResolveDto } from './order.dto.js';
import { Starter } from './starter.service.js';

const proposed = 'resolution.proposed';

interface Proposal {
  resolution: Resolution;
  reason: string;
  by: { identity: Identity; name: string };
  /** Of the newest progress the proposer could see: a change that moved on needs a new look. */
  sequence: number;
}

/** What people order an open change to do. It takes or refuses the order itself; this only carries it. */
@Injectable()
export class Orders {
  constructor(
    private readonly temporal: Temporal,
    private readonly register: Register,
    private readonly starter: Starter,
  ) {}

  async stop(
    update: UpdateDefinition<ChangeState, [StopOrder]>,
    change: ChangeRecord,
    reason: string,
    by: Caller,
  ): Promise<OrderView> {
    return this.order(update, change, { by: actorOf(by), reason }, randomUUID());
  }

  /** `retry` and `undo` are one operator's to give; `accept` and `skip` are proposed by one and confirmed by another. */
  async resolve(change: ChangeRecord, body: ResolveDto, by: Caller): Promise<OrderView> {
    const { resolution, reason } = body;
    const alone = resolution === 'retry' || resolution === 'undo';
    if (!alone && !body.proposal) return this.propose(change, body, by);
    const resolutionId = body.proposal ?? randomUUID();
    if (alone)
      return this.order(
        resolveUpdate,
        change,
        { resolutionId, resolution, reason, by: actorOf(by) },
        resolutionId,
      );
    const proposal = await this.proposalOf(change, resolutionId);
    mustConfirm(proposal, change, resolution, by);
    const order: ResolveOrder = {
      resolutionId,
      resolution,
      reason: proposal.reason,
      by: proposal.by,
      second: actorOf(by),
    };
    return this.order(resolveUpdate, change, order, resolutionId);
  }

  private async propose(
    change: ChangeRecord,
    { resolution, reason }: ResolveDto,
    by: Caller,
  ): Promise<OrderView> {
    if (change.state !== 'parked') {
      throw new ProblemError('not-now', {
        detail: `expected a parked change for ${resolution}, found ${change.state}`,
      });
    }
    const id = randomUUID();
    const proposal: Proposal = { resolution, reason, by: actorOf(by), sequence: change.sequence };
    await inRegister(this.register.db, (trx) =>
      appendAudit(trx, {
        changeId: change.id,
        key: `resolution/${id}/proposed`,
        at: new Date().toISOString(),
        actor: auditActor(by.identity),
        kind: proposed,
        data: { ...proposal },
      }),
    );
    return { changeId: change.id, state: change.state, status: 'needs a second person', proposal: id };
  }

  private async proposalOf(change: ChangeRecord, id: string): Promise<Proposal | null> {
    let after: number | undefined = 0;
    while (after !== undefined) {
      const page = await auditEvents(this.register.db, { changeId: change.id, after, limit: 500 });
      const found = page.items.find(
        (event) => event.kind === proposed && event.key === `resolution/${id}/proposed`,
      );
      if (found) return found.data as unknown as Proposal;
      after = page.items.length < 500 ? undefined : page.items.at(-1)?.sequence;
    }
    return null;
  }

  private async order<Given extends [unknown]>(
    update: UpdateDefinition<ChangeState, Given>,
    change: ChangeRecord,
    given: Given[0],
    updateId: string,
  ): Promise<OrderView> {
    if (isFinal(change.state))
      throw new ProblemError('not-now', { detail: `the change is closed: ${change.ending}` });
    try {
      const handle = this.temporal.change(change.id);
      const args = [given] as Given;
      const state = await this.temporal.within(answersWithinMs, () =>
        handle.executeUpdate(update, { args, updateId }),
      );
      return { changeId: change.id, state, status: 'accepted' };
    } catch (error) {
      throw await this.problemOf(error, change);
    }
  }

  private async problemOf(error: unknown, change: ChangeRecord): Promise<unknown> {
    const failure = updateFailure(error);
    switch (failure.kind) {
      case 'rejected':
        return failure.problem;
      case 'silent':
        return new ProblemError(
          'worker-silent',
          { detail: `no worker answered within ${answersWithinMs / 1000} s` },
          { cause: error },
        );
      case 'down':
        return new ProblemError(
          'temporal-down',
          { detail: 'Temporal does not answer: the order was not delivered' },
          { cause: error },
        );
      case 'gone':
        return this.goneProblem(change);
      case 'other':
        return error;
    }
  }

  /** No such workflow: either it has just ended, or its start was lost; then it is started now and the order may be sent again. */
  private async goneProblem(change: ChangeRecord): Promise<ProblemError> {
    if (change.startedAt !== null) return new ProblemError('not-now', { detail: 'the change has ended' });
    await this.starter.start(change).catch(() => undefined);
    return new ProblemError('worker-silent', { detail: 'the change had not been started yet; it is now' });
  }
}

function mustConfirm(
  proposal: Proposal | null,
  change: ChangeRecord,
  resolution: Resolution,
  by: Caller,
): asserts proposal is Proposal {
  if (!proposal)
    throw new ProblemError('proposal-invalid', {
      errors: [{ pointer: '/proposal', detail: 'nobody proposed this for the change' }],
    });
  if (sameIdentity(proposal.by.identity, by.identity)) {
    throw new ProblemError('second-person-needed', {
      detail: 'the operator who proposed it can’t confirm it',
    });
  }
  if (proposal.resolution !== resolution) {
    const detail = `expected ${proposal.resolution} as proposed, found ${resolution}`;
    throw new ProblemError('proposal-invalid', { detail, errors: [{ pointer: '/resolution', detail }] });
  }
  if (proposal.sequence !== change.sequence) {
    throw new ProblemError('proposal-invalid', { detail: 'the change has moved on since this was proposed' });
  }
}
