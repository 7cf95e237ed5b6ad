import { ApplicationFailure, CancellationScope, setHandler } from '@temporalio/workflow';
import type { Decision, ReviewRefusal, ReviewStanding, SignedDecision } from '../domain/review.js';
import { refuseReview, standing, withDecision } from '../domain/review.js';
import { tell } from './acts.js';
import { Rejection, type ReviewAnswer, reviewSignal, reviewUpdate } from './contract.js';
import type { OpenChange } from './open-change.js';

/** The reviews of one change: an update when a worker answers, a durable signal when none does, one way in. */
export class Reviews {
  private held: Decision[] = [];

  constructor(private readonly change: OpenChange) {
    // Shielded: after a cancel in Temporal a failing handler would end the workflow with its device half-way.
    const count = (decision: SignedDecision): Promise<ReviewAnswer> =>
      CancellationScope.nonCancellable(() => this.count(decision));
    setHandler(reviewUpdate, count, {
      // Synchronous on purpose: a validator that returns a promise never rejects and wedges the workflow.
      validator: (decision: SignedDecision) => mustCount(this.refusal(decision)),
    });
    // A signal has nobody to answer; what became of the review stands in the register.
    setHandler(reviewSignal, (decision) => count(decision).then(noAnswer, noAnswer));
  }

  get standing(): ReviewStanding {
    const { plan, planHash } = this.change;
    if (!plan) return { verdict: 'open', missing: [] };
    return standing(
      plan.requirements,
      this.held.filter((review) => review.planHash === planHash),
    );
  }

  private refusal(decision: Decision): ReviewRefusal | null {
    const { input, id: changeId, planHash, state, pastGate } = this.change;
    const reviewable = state === 'awaiting-review' || state === 'scheduled' || state === 'gate';
    return refuseReview(decision, {
      open: reviewable && !pastGate,
      changeId,
      planHash,
      excluded: [input.requester, ...input.editors],
      held: this.held,
    });
  }

  /**
   * The signature is checked before anything counts: whoever can reach Temporal can't approve. From then on
   * nothing comes between the look and the count, so that two reviews at once can't both pass it.
   */
  private async count(decision: SignedDecision): Promise<ReviewAnswer> {
    const { genuine } = await tell.verifyReview({ decision });
    if (!genuine) mustCount('review-forged');
    const refusal = this.refusal(decision);
    if (!refusal) this.held = withDecision(this.held, decision);
    const telling =
      this.change.state === 'awaiting-review'
        ? this.change.movesWith('awaiting-review', {
            standing: this.standing,
            failures: this.change.difference,
          })
        : undefined;
    await tell.settleReview({ decision, refusal, telling });
    mustCount(refusal);
    return { counted: true, standing: this.standing };
  }
}

function mustCount(refusal: ReviewRefusal | 'review-forged' | null): void {
  if (!refusal) return;
  throw ApplicationFailure.nonRetryable(`the review does not count: ${refusal}`, Rejection.review, {
    refusal,
  });
}

function noAnswer(): void {}
