import { Logger } from '@nestjs/common';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { isFinal } from '../domain/change.js';
import { failure, SlipwayError } from '../domain/failures.js';
import { advanceEpoch, claimingChanges, newestEpoch } from '../records/claims.js';
import type { Register } from '../records/database.js';
import { quarantineClaimed } from '../records/quarantine.js';
import { holdSite } from '../records/site-holds.js';
import { changeWorkflowId, workflowTypes } from '../workflows/contract.js';
import type { Hosts } from './hosts.js';

const guardAnswersWithinMs = 10_000;

/**
 * Compares register, live workflows and the hosts' guards: before a worker begins, and now and then after.
 * Nothing is ever freed by it: what does not fit together is made safe and shown.
 */
export class Reconciliation {
  private readonly log = new Logger('Reconciliation');

  constructor(
    private readonly register: Register,
    private readonly hosts: Hosts,
  ) {}

  async run(temporal: Client): Promise<void> {
    const claiming = await claimingChanges(this.register.db);
    for (const { host, changeId } of claiming) this.mustStillKnow(host, changeId);
    if (await this.catchUpWithGuards()) await this.holdNewcomers(temporal);
    for (const { changeId, state, keys } of claiming) {
      const end = await this.endOf(temporal, changeId);
      // What was released since the claims were read stays free.
      if (end === null || isFinal(state)) continue;
      const devices = keys.filter((key) => key.startsWith('device/'));
      const why = `its workflow is ${end}, the change was ${state}`;
      const claimed = await quarantineClaimed(this.register.db, changeId, devices, why);
      if (claimed.length === 0) continue;
      this.log.error(
        `change ${changeId} holds claims while its workflow is ${end}: its devices are in quarantine`,
      );
    }
  }

  /** Whoever takes a host out of the estate while a change is at it leaves a device half-way. */
  private mustStillKnow(host: string, changeId: string): void {
    if (!this.hosts.wasRemoved(host)) return;
    const parts = {
      where: { host, field: 'sites' },
      expected: `the host to stay until change ${changeId} has ended`,
    };
    throw new SlipwayError(
      failure('host-unknown', { ...parts, actual: 'it is no longer in the estate file' }),
    );
  }

  /** A guard that knows a newer epoch than the register proves that the register is behind, e.g. restored from a backup. */
  private async catchUpWithGuards(): Promise<boolean> {
    const asked = await Promise.allSettled(
      this.hosts.served.map(({ host }) =>
        within(guardAnswersWithinMs, this.hosts.hypervisorOf(host).newestEpoch()),
      ),
    );
    const known = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value ?? 0] : []));
    const watermark = Math.max(0, ...known);
    const newest = await newestEpoch(this.register.db);
    if (watermark <= newest) return false;
    await advanceEpoch(this.register.db, watermark);
    this.log.warn(
      `the register was behind: guards know epoch ${watermark}, it had given out ${newest}; it goes on above`,
    );
    return true;
  }

  /**
   * Open changes may have lost their claims with the register, and get them back when they next need them. Until
   * somebody has looked, nobody new may take what is theirs.
   */
  private async holdNewcomers(temporal: Client): Promise<void> {
    if (!(await anyOpenChange(temporal))) return;
    const reason =
      'the register was behind the hosts’ guards while changes were open: see that each is shown as it is, then release';
    const by = { issuer: 'slipway', subject: 'reconciliation' };
    for (const site of this.hosts.servedSites)
      await holdSite(this.register.db, { site, by, reason, at: new Date().toISOString() });
  }

  /** Null while the workflow lives, or when Temporal can't tell. */
  private async endOf(temporal: Client, changeId: string): Promise<string | null> {
    try {
      const { status } = await temporal.workflow.getHandle(changeWorkflowId(changeId)).describe();
      return status.name === 'RUNNING' ? null : status.name.toLowerCase();
    } catch (error) {
      return error instanceof WorkflowNotFoundError ? 'gone' : null;
    }
  }
}

/** Whatever Temporal can't tell counts as yes: a hold that was not needed costs a look. */
async function anyOpenChange(temporal: Client): Promise<boolean> {
  try {
    const query = `WorkflowType = '${workflowTypes.deviceChange}' AND ExecutionStatus = 'Running'`;
    const { count } = await temporal.workflow.count(query);
    return count > 0;
  } catch {
    return true;
  }
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
