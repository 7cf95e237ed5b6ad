import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { isFinal, sameIdentity } from '../../domain/change.js';
import type { Decision, ReviewStanding, SignedDecision } from '../../domain/review.js';
import type { ChangeRecord } from '../../records/changes.js';
import { listReviews, settleReview, storeReview, unsettledReviews } from '../../records/reviews.js';
import { reviewSignal, reviewUpdate } from '../../workflows/contract.js';
import type { Caller } from '../auth/caller.js';
import { Changes } from '../changes/changes.service.js';
import { ProblemError } from '../problem.js';
import { Register } from '../register.module.js';
import { Temporal } from '../temporal.module.js';
import { answersWithinMs, updateFailure } from '../update.js';
import { DecisionKey } from './decision-key.js';
import type { ReviewAnswerView, ReviewDto } from './review.dto.js';

const signalsWithinMs = 2_000;

/** One person's decision: signed, kept, and told to the change; what the change makes of it is the change's own word. */
@Injectable()
export class Reviews {
  private readonly log = new Logger(Reviews.name);

  constructor(
    private readonly register: Register,
    private readonly temporal: Temporal,
    private readonly changes: Changes,
    private readonly key: DecisionKey,
  ) {}

  async review(changeId: string, body: ReviewDto, by: Caller): Promise<ReviewAnswerView> {
    const change = await this.changes.get(changeId);
    mustBeReviewable(change, body, by);
    const decision = await this.signedDecision(change, body, by);
    await storeReview(this.register.db, decision);
    const standing = await this.tell(decision);
    const { decisionId } = decision;
    if (!standing) return { status: 'recorded, not yet counted', decisionId };
    return { status: 'counted', decisionId, verdict: standing.verdict, missing: standing.missing };
  }

  /** Delivers again what a change has not answered: the worker, Temporal or this process was gone at the time. */
  async deliverAgain(): Promise<number> {
    const waiting = await unsettledReviews(this.register.db);
    for (const { decision } of waiting) await this.tellLater(decision);
    return waiting.length;
  }

  /** The same decision as before when it is sent again: signed once, at one moment. */
  private async signedDecision(change: ChangeRecord, body: ReviewDto, by: Caller): Promise<SignedDecision> {
    const { planHash, decision, comment } = body;
    const before =
      body.decisionId &&
      (await listReviews(this.register.db, change.id)).find(
        (one) => one.decision.decisionId === body.decisionId,
      );
    if (before) return mustBeTheSame(before.decision, body, by);
    const unsigned: Decision = {
      version: 1,
      decisionId: body.decisionId ?? randomUUID(),
      changeId: change.id,
      planHash,
      decision,
      reviewer: by.identity,
      reviewerName: by.name,
      groups: by.groups,
      ...(comment ? { comment } : {}),
      decidedAt: new Date().toISOString(),
    };
    return this.key.sign(unsigned);
  }

  /** Null when no worker answers: the decision is then delivered as a durable signal and counts later. */
  private async tell(decision: SignedDecision): Promise<ReviewStanding | null> {
    try {
      const change = this.temporal.change(decision.changeId);
      const updating = { args: [decision] as [SignedDecision], updateId: decision.decisionId };
      return (await this.temporal.within(answersWithinMs, () => change.executeUpdate(reviewUpdate, updating)))
        .standing;
    } catch (error) {
      const failure = updateFailure(error);
      if (failure.kind === 'rejected') {
        await this.settle(decision, failure.refusal ?? failure.problem.code);
        throw failure.problem;
      }
      if (failure.kind === 'gone' && (await this.isOver(decision))) {
        await this.settle(decision, 'closed');
        throw new ProblemError('review-closed', { detail: 'the change ended before the review reached it' });
      }
      if (failure.kind === 'other') throw error;
      await this.tellLater(decision);
      return null;
    }
  }

  private async tellLater(decision: SignedDecision): Promise<void> {
    try {
      await this.temporal.within(signalsWithinMs, () =>
        this.temporal.change(decision.changeId).signal(reviewSignal, decision),
      );
    } catch (error) {
      // It is kept in the register and delivered again: nothing is lost but time.
      this.log.warn(
        { changeId: decision.changeId, decisionId: decision.decisionId, failure: updateFailure(error).kind },
        'review will be delivered later',
      );
    }
  }

  private async isOver(decision: SignedDecision): Promise<boolean> {
    return isFinal((await this.changes.get(decision.changeId)).state);
  }

  private async settle({ changeId, decisionId }: SignedDecision, refusal: string): Promise<void> {
    await settleReview(this.register.db, {
      changeId,
      decisionId,
      outcome: 'refused',
      refusal,
      at: new Date().toISOString(),
    });
  }
}

/** What is certain without asking the change. All else is its own decision: it may be further than the register knows. */
function mustBeReviewable(change: ChangeRecord, body: ReviewDto, by: Caller): void {
  if (isFinal(change.state))
    throw new ProblemError('review-closed', { detail: `the change is closed: ${change.ending}` });
  const shapedIt = [change.requester, ...change.editors].some((person) => sameIdentity(person, by.identity));
  if (shapedIt)
    throw new ProblemError('own-change', {
      detail: 'the requester and the editors of a change can’t review it',
    });
  if (body.decision === 'reject' && !body.comment) {
    throw new ProblemError('comment-missing', {
      errors: [{ pointer: '/comment', detail: 'a reject needs a comment' }],
    });
  }
}

function mustBeTheSame(before: SignedDecision, body: ReviewDto, by: Caller): SignedDecision {
  const same =
    sameIdentity(before.reviewer, by.identity) &&
    before.planHash === body.planHash &&
    before.decision === body.decision &&
    (before.comment ?? '') === (body.comment ?? '');
  if (same) return before;
  throw new ProblemError('idempotency-key-reused', {
    detail: `decisionId ${body.decisionId} was used for another decision`,
    errors: [{ pointer: '/decisionId', detail: 'used for another decision' }],
  });
}
