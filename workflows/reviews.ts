import { ApplicationFailure, setHandler } from '@temporalio/workflow';
import type { Decision, ReviewRefusal, ReviewStanding, SignedDecision } from '../domain/review.js';
import { refuseReview, standing, withDecision } from '../domain/review.js';
import { tell } from './acts.js';
import { Rejection, type ReviewAnswer, reviewSignal, reviewUpdate } from './contract.js';
import type { OpenChange } from './open-change.js';

/** The reviews of one change: an update when a worker answers, a durable signal when none does, one way in. */
export class Reviews {
  private held: Decision[] = [];

  constructor(private readonly change: OpenChange) {
    setHandler(reviewUpdate, (decision) => this.count(decision), {
      // Synchronous on purpose: a validator that returns a promise never rejects and wedges the workflow.
      validator: (decision) => this.mustAccept(decision),
    });
    setHandler(reviewSignal, async (decision) => {
      const refusal = this.refusal(decision);
      if (refusal) return tell.settleReview({ decision, refusal });
      await this.count(decision).catch(() => undefined);
    });
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
    const { input, id: changeId, planHash, state, touched } = this.change;
    const reviewable =
      state === 'awaiting-review' || ((state === 'scheduled' || state === 'gate') && !touched);
    return refuseReview(decision, {
      open: reviewable,
      changeId,
      planHash,
      excluded: [input.requester, ...input.editors],
      held: this.held,
    });
  }

  private mustAccept(decision: Decision): void {
    const refusal = this.refusal(decision);
    if (refusal)
      throw ApplicationFailure.nonRetryable(`the review does not count: ${refusal}`, Rejection.review, {
        refusal,
      });
  }

  /** The signature is checked before anything counts: whoever can reach Temporal can't approve. */
  private async count(decision: SignedDecision): Promise<ReviewAnswer> {
    const verified = await tell.verifyReview({ decision });
    if (!verified.genuine) {
      throw ApplicationFailure.nonRetryable(
        'the signature of this review does not verify',
        Rejection.review,
        {
          refusal: 'review-forged',
        },
      );
    }
    const refusal = this.refusal(decision);
    await tell.settleReview({ decision, refusal });
    this.mustAccept(decision);
    this.held = withDecision(this.held, decision);
    return { counted: true, standing: this.standing };
  }
}
