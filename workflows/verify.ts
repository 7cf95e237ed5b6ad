import type { Failure } from '../domain/failures.js';
import { type Acts, failureOf, hostBackWithinMs, patiently, tell } from './acts.js';
import type { OpenChange } from './open-change.js';

/**
 * Proves the plan's goal in the VM's configuration, on the host and in the guest. The epoch is raised
 * first and published with the same look: from here on no late worker can disturb what is being proven.
 */
export async function verify(change: OpenChange, acts: Acts): Promise<Failure[]> {
  const telling = change.movesWith('verifying');
  try {
    change.epoch = await tell.raiseEpoch({ ...change.claim, telling });
    const verified = await patiently(
      () =>
        acts.look.verify({
          changeId: change.id,
          round: change.round,
          plan: change.plan!,
          fence: change.fence,
        }),
      (why) => change.moves('verifying', { waitingFor: why.message }),
      { hostAwayMs: hostBackWithinMs },
    );
    return verified.failures;
  } catch (error) {
    return [failureOf(error)];
  }
}
