import { createHash, randomUUID } from 'node:crypto';
import { type Client, WithStartWorkflowOperation } from '@temporalio/client';
import { canonicalJson } from '../domain/canonical.js';
import type { ChangeRequest } from '../domain/change.js';
import { createChange, markStarted } from '../records/changes.js';
import type { Register } from '../records/database.js';
import type { Arm, ArmName, Errand } from './arm.js';
import { approveUpdate, type BareInput, bareQueue, bareWorkflows, plannedUpdate } from './bare/contract.js';
import { reviewers } from './product-arm.js';
import { changeWorkflowId } from '../workflows/contract.js';

interface Surroundings {
  client: Client;
  register: Register;
  host: string;
  site: string;
}

/** B0 and B1: a workflow started by a Temporal client, which then sends two approvals of the plan. */
export function bareArm(name: Exclude<ArmName, 'A'>, { client, register, host, site }: Surroundings): Arm {
  return {
    name,
    async prepare(errand) {
      const input = { changeId: `bench-${name}-${randomUUID()}`, request: requestOf(errand, host, site) };
      await keep(register, input);
      return {
        async run() {
          const starting = new WithStartWorkflowOperation(bareWorkflows[name], {
            ...{ workflowId: changeWorkflowId(input.changeId), taskQueue: bareQueue, args: [input] },
            workflowIdConflictPolicy: 'FAIL',
          });
          const planHash = await client.workflow.executeUpdateWithStart(plannedUpdate, {
            startWorkflowOperation: starting,
          });
          const handle = await starting.workflowHandle();
          for (const reviewer of reviewers)
            await handle.executeUpdate(approveUpdate, { args: [{ reviewer, planHash }] });
          await handle.result();
        },
      };
    },
  };
}

/** What the activities write to belongs to a change: its row is made before the clock starts. */
async function keep({ db }: Register, { changeId: id, request }: BareInput): Promise<void> {
  const at = new Date().toISOString();
  const requester = { issuer: 'bench', subject: 'requester' };
  const requestHash = createHash('sha256').update(canonicalJson(request)).digest('hex');
  const change = { id, request, requester, requesterName: 'bench', editors: [], requestHash, at };
  await createChange(db, change);
  await markStarted(db, id, at);
}

function requestOf({ action, vm, address }: Errand, host: string, site: string): ChangeRequest {
  return {
    ...{ action, host, site, vm, devices: [{ address, mode: 'pci' }], reason: 'bench' },
    ...{ wholeUnit: true, powerOff: 'allowed', onUnhealthy: 'undo', class: 'normal' },
  };
}
