import { defineUpdate } from '@temporalio/workflow';
import type { ChangeRequest } from '../../domain/change.js';

/** The queues of the bare workflows' own worker; its site queue is `siteQueue(bareSite)`. */
export const bareQueue = 'bare';
export const bareSite = 'bare';

/** B0: every step is a plain activity. B1: local activities exactly where the product uses them. */
export const bareWorkflows = { B0: 'plainSteps', B1: 'localSteps' } as const;

export interface BareInput {
  changeId: string;
  request: ChangeRequest;
}

/** Answers with the hash of the plan once there is one: what a reviewer approves. */
export const plannedUpdate = defineUpdate<string>('planned');
/** One person's approval of one plan: a message, unsigned and kept nowhere but in the workflow's history. */
export interface Approval {
  reviewer: string;
  planHash: string;
}
export const approveUpdate = defineUpdate<void, [Approval]>('approve');
