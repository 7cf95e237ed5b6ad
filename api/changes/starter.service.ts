import { Injectable, Logger } from '@nestjs/common';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { defaultRequirements } from '../../domain/review.js';
import { defaultClockPolicy } from '../../domain/window.js';
import { type ChangeRecord, markStarted } from '../../records/changes.js';
import {
  changeWorkflowId,
  type DeviceChangeInput,
  searchAttributeNames,
  workflowQueue,
  workflowTypes,
} from '../../workflows/contract.js';
import { Register } from '../register.module.js';
import { Temporal } from '../temporal.module.js';

const startsWithinMs = 3_000;
const stateKey = defineSearchAttributeKey(searchAttributeNames.state, 'KEYWORD');
const siteKey = defineSearchAttributeKey(searchAttributeNames.site, 'KEYWORD');
const hostKey = defineSearchAttributeKey(searchAttributeNames.host, 'KEYWORD');
const needsHumanKey = defineSearchAttributeKey(searchAttributeNames.needsHuman, 'BOOL');

/** Starts the workflow of a change that the register holds. Starting one twice is harmless: its id is the change's. */
@Injectable()
export class Starter {
  private readonly log = new Logger(Starter.name);

  constructor(
    private readonly temporal: Temporal,
    private readonly register: Register,
  ) {}

  async start(change: ChangeRecord): Promise<void> {
    await this.temporal
      .within(startsWithinMs, () => this.begin(change))
      .catch((error: unknown) => {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      });
    // Nobody waits for this note: if it is lost, the relay starts the change again and finds it started.
    void markStarted(this.register.db, change.id, new Date().toISOString()).catch((error: unknown) =>
      this.log.warn({ changeId: change.id, err: error }, 'started, but the register does not know it yet'),
    );
  }

  private async begin(change: ChangeRecord): Promise<void> {
    const { request } = change;
    await this.temporal.client.workflow.start(workflowTypes.deviceChange, {
      workflowId: changeWorkflowId(change.id),
      taskQueue: workflowQueue,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      args: [inputOf(change)],
      staticSummary: `${request.action} ${request.devices.length} device(s), host ${request.host}`,
      typedSearchAttributes: new TypedSearchAttributes([
        { key: stateKey, value: 'inspecting' },
        { key: siteKey, value: request.site },
        { key: hostKey, value: request.host },
        { key: needsHumanKey, value: false },
      ]),
    });
  }
}

function inputOf(change: ChangeRecord): DeviceChangeInput {
  return {
    version: 1,
    changeId: change.id,
    request: change.request,
    requester: change.requester,
    editors: change.editors,
    policy: { requirements: defaultRequirements, clocks: defaultClockPolicy },
  };
}
