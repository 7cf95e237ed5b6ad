import type { QueryDefinition, SignalDefinition, UpdateDefinition } from '@temporalio/common';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import proto, { type coresdk, type temporal } from '@temporalio/proto';
import { parseWorkflowCode } from '@temporalio/worker/lib/worker.js';
import type { Workflow } from '@temporalio/worker/lib/workflow/interface.js';
import { ReusableVMWorkflowCreator } from '@temporalio/worker/lib/workflow/reusable-vm.js';
import { globalHandlers } from '@temporalio/worker/lib/workflow/vm-shared.js';
import {
  activityFailed,
  errorOf,
  Lost,
  packed,
  pauseBeforeRetry,
  unpacked,
} from './workflow-driver-payloads.js';

/**
 * Runs a workflow without a server, in virtual time: feeds it activations and does what its commands ask for.
 * It behaves as the server and the SDK's core do where a workflow can tell: activities are retried by their
 * policy, wait for a worker of their queue, time out; updates are validated, accepted and completed.
 * This file alone knows the SDK's internals; they are pinned by the exact version in package.json.
 */

const { WorkflowActivation } = proto.coresdk.workflow_activation;

type Job = coresdk.workflow_activation.IWorkflowActivationJob;
type Command = coresdk.workflow_commands.IWorkflowCommand;

export interface ActivityCall {
  name: string;
  input: unknown;
  queue: string;
  local: boolean;
  attempt: number;
  summary: string;
}

/** Answers a call by its result, or throws: an `ApplicationFailure`, or `Lost` when no answer ever comes. */
export type Answer = (call: ActivityCall) => unknown;

export interface DriverOptions {
  workflowType: string;
  workflowId: string;
  input: unknown;
  answer: Answer;
  startsAt: number;
  /** Whether a worker polls a queue now. */
  served?: (queue: string) => boolean;
  /** How long an activity takes, in milliseconds; its effect is there at once, its answer only then. */
  takes?: (call: ActivityCall) => number;
  /** Signals to other workflows. */
  tellOther?: (workflowId: string, signal: string) => void;
  /** Picks one of several things that could happen next; the first by default. */
  choose?: (count: number) => number;
}

export interface UpdateState<R = unknown> {
  accepted: boolean;
  rejection: { message: string; type: string; details: unknown[] } | null;
  done: boolean;
  result: R | null;
}

interface ActivityTask {
  kind: 'activity';
  seq: number;
  call: ActivityCall;
  readyAt: number;
  /** When it stops waiting for a worker. */
  expiresAt: number;
  waitsMs: number;
  retry: temporal.api.common.v1.IRetryPolicy;
}
interface Arrival {
  kind: 'arrival';
  readyAt: number;
  jobs: Job[];
  seq?: number;
}
interface Timer {
  kind: 'timer';
  seq: number;
  readyAt: number;
}
type Pending = ActivityTask | Arrival | Timer;

let creator: Promise<ReusableVMWorkflowCreator> | null = null;

async function creatorOf(code: string): Promise<ReusableVMWorkflowCreator> {
  const known = new Set<string>();
  // Any activity name is fine: whether one exists is the answer's to say.
  known.has = () => true;
  const made = await ReusableVMWorkflowCreator.create(parseWorkflowCode(code), 5_000, known);
  // It would take a stack trace of every promise, for a query that no test asks.
  globalHandlers.uninstall();
  return made;
}

let runs = 0;

export class WorkflowDriver {
  now: number;
  readonly updates = new Map<string, UpdateState>();
  readonly searchAttributes: Record<string, unknown> = {};
  /** Every activity that was scheduled, in order. */
  readonly calls: ActivityCall[] = [];
  outcome: { completed: unknown } | { failed: Error } | { cancelled: true } | null = null;
  private pending: Pending[] = [];
  private readonly queries = new Map<string, unknown>();
  private activations = 0;

  private constructor(
    private readonly workflow: Workflow,
    private readonly runId: string,
    private readonly options: DriverOptions,
  ) {
    this.now = options.startsAt;
  }

  static async start(code: string, options: DriverOptions): Promise<WorkflowDriver> {
    creator ??= creatorOf(code);
    const runId = `run-${(runs += 1)}`;
    const { workflowType, workflowId, input, startsAt } = options;
    const startTime = new Date(startsAt);
    const workflow = await (
      await creator
    ).createWorkflow({
      info: {
        ...{ workflowId, runId, workflowType, taskQueue: 'slipway', namespace: 'default' },
        ...{ searchAttributes: {}, typedSearchAttributes: {} as never, firstExecutionRunId: runId },
        ...{ historyLength: 3, historySize: 300, continueAsNewSuggested: false, attempt: 1 },
        ...{ targetWorkerDeploymentVersionChanged: false, originalExecutionRunId: runId },
        ...{ startTime, runStartTime: startTime, taskTimeoutMs: 10_000 },
        unsafe: { isReplaying: false, isReplayingHistoryEvents: false, now: Date.now, random: {} as never },
      },
      randomnessSeed: [1, 2, 3, 4],
      now: startsAt,
      showStackTraceSources: false,
    });
    const driver = new WorkflowDriver(workflow, runId, options);
    const initializeWorkflow = { workflowType, workflowId, arguments: [packed(input)], attempt: 1 };
    await driver.activate([{ initializeWorkflow }]);
    return driver;
  }

  get closed(): boolean {
    return this.outcome !== null;
  }

  async dispose(): Promise<void> {
    await this.workflow.dispose();
  }

  /** Does one of the things that are due now; false when nothing is. */
  async step(): Promise<boolean> {
    if (this.closed) return false;
    const due = this.pending.filter((one) => this.dueAt(one) <= this.now);
    if (due.length === 0) return false;
    const next = due[this.options.choose?.(due.length) ?? 0]!;
    this.pending = this.pending.filter((one) => one !== next);
    if (next.kind === 'activity') await this.perform(next);
    else await this.activate(next.kind === 'timer' ? [{ fireTimer: { seq: next.seq } }] : next.jobs);
    return true;
  }

  /** Does all that can be done without time passing. */
  async settle(): Promise<void> {
    while (await this.step());
  }

  /** Lets time pass, from one due thing to the next. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    await this.settle();
    while (!this.closed && this.nextDue() <= end) {
      this.now = this.nextDue();
      await this.settle();
    }
    this.now = end;
  }

  /** Goes on, in as much time as it takes, until something holds. Fails when nothing more would ever happen. */
  async until(holds: () => boolean, withinMs = 366 * 24 * 3_600_000): Promise<void> {
    const end = this.now + withinMs;
    while (!holds()) {
      if (await this.step()) continue;
      const due = this.nextDue();
      if (this.closed || due > end) throw new Error('what was waited for did not happen');
      this.now = due;
    }
  }

  async toEnd(): Promise<unknown> {
    await this.until(() => this.closed);
    if (this.outcome && 'completed' in this.outcome) return this.outcome.completed;
    if (this.outcome && 'failed' in this.outcome) throw this.outcome.failed;
    throw new Error('the workflow ended as cancelled');
  }

  /** Sends an update; it is delivered with the next activation. */
  send<R, A extends unknown[]>(update: UpdateDefinition<R, A>, id: string, ...args: A): UpdateState<R> {
    const known = this.updates.get(id);
    // The server answers a repeated id by itself.
    if (known) return known as UpdateState<R>;
    const state: UpdateState = { accepted: false, rejection: null, done: false, result: null };
    this.updates.set(id, state);
    const doUpdate = {
      id,
      protocolInstanceId: id,
      name: update.name,
      input: args.map(packed),
      runValidator: true,
    };
    this.arrives({ doUpdate });
    return state as UpdateState<R>;
  }

  /** Sends an update and does what can be done without time passing. */
  async update<R, A extends unknown[]>(
    update: UpdateDefinition<R, A>,
    id: string,
    ...args: A
  ): Promise<UpdateState<R>> {
    const state = this.send(update, id, ...args);
    await this.settle();
    return state;
  }

  signal<A extends unknown[]>(signal: SignalDefinition<A>, ...args: A): void {
    this.arrives({ signalWorkflow: { signalName: signal.name, input: args.map(packed) } });
  }

  /** A cancel of the whole workflow, as in Temporal's own UI. */
  cancel(): void {
    this.arrives({ cancelWorkflow: { reason: '' } });
  }

  /** What Temporal's own UI shows of the workflow. */
  async currentDetails(): Promise<string> {
    const metadata = await this.query<{ currentDetails: string }>({ name: '__temporal_workflow_metadata' });
    return metadata.currentDetails;
  }

  async query<R>(query: { name: string } | QueryDefinition<R>): Promise<R> {
    const queryId = `query-${this.activations}`;
    await this.activate([{ queryWorkflow: { queryId, queryType: query.name, arguments: [] } }]);
    return this.queries.get(queryId) as R;
  }

  private arrives(job: Job): void {
    this.pending.push({ kind: 'arrival', readyAt: this.now, jobs: [job] });
  }

  private dueAt(one: Pending): number {
    if (one.kind !== 'activity') return one.readyAt;
    return this.isServed(one.call) ? one.readyAt : Math.max(one.expiresAt, one.readyAt);
  }

  private isServed({ local, queue }: ActivityCall): boolean {
    return local || (this.options.served?.(queue) ?? true);
  }

  private nextDue(): number {
    return Math.min(Infinity, ...this.pending.map((one) => this.dueAt(one)));
  }

  private async perform(task: ActivityTask): Promise<void> {
    const { call, seq } = task;
    const resolve = (result: coresdk.activity_result.IActivityResolution): void => {
      const jobs = [{ resolveActivity: { seq, isLocal: call.local, result } }];
      const readyAt = this.now + (this.options.takes?.(call) ?? 0);
      this.pending.push({ kind: 'arrival', seq, readyAt, jobs });
    };
    const fail = (error: Error): void => resolve({ failed: { failure: activityFailed(call.name, error) } });
    if (!this.isServed(call)) return fail(new Lost('SCHEDULE_TO_START'));
    try {
      const result = await this.options.answer(call);
      resolve({ completed: { result: packed(result) } });
    } catch (error) {
      const pause = pauseBeforeRetry(task.retry, call.attempt, error as Error);
      if (pause === null) return fail(error as Error);
      const readyAt = this.now + pause;
      const again = { ...call, attempt: call.attempt + 1 };
      this.pending.push({ ...task, call: again, readyAt, expiresAt: readyAt + task.waitsMs });
    }
  }

  private async activate(jobs: Job[]): Promise<void> {
    this.activations += 1;
    const activation = WorkflowActivation.fromObject({
      runId: this.runId,
      timestamp: msToTs(this.now),
      historyLength: 3 + this.activations,
      jobs,
    });
    const completion = await this.workflow.activate(activation);
    if (completion.failed) {
      const { message, stackTrace } = completion.failed.failure ?? {};
      throw new Error(`the workflow task failed: ${message}\n${stackTrace}`);
    }
    for (const command of completion.successful?.commands ?? []) this.obey(command);
  }

  private obey(command: Command): void {
    if (command.startTimer) {
      const { seq, startToFireTimeout } = command.startTimer;
      this.pending.push({ kind: 'timer', seq: seq!, readyAt: this.now + tsToMs(startToFireTimeout) });
    } else if (command.cancelTimer) {
      const { seq } = command.cancelTimer;
      this.pending = this.pending.filter((one) => one.kind !== 'timer' || one.seq !== seq);
    } else if (command.scheduleActivity) {
      const { taskQueue, scheduleToStartTimeout } = command.scheduleActivity;
      const waitsMs = scheduleToStartTimeout ? tsToMs(scheduleToStartTimeout) : Infinity;
      this.schedule(command, command.scheduleActivity, { queue: taskQueue ?? '', local: false, waitsMs });
    } else if (command.scheduleLocalActivity) {
      this.schedule(command, command.scheduleLocalActivity, {
        queue: 'slipway',
        local: true,
        waitsMs: Infinity,
      });
    } else if (command.signalExternalWorkflowExecution) {
      const { seq, workflowExecution, signalName } = command.signalExternalWorkflowExecution;
      this.options.tellOther?.(workflowExecution?.workflowId ?? '', signalName ?? '');
      this.arrives({ resolveSignalExternalWorkflow: { seq } });
    } else if (command.updateResponse) {
      this.answered(command.updateResponse);
    } else if (command.upsertWorkflowSearchAttributes) {
      const { indexedFields } = command.upsertWorkflowSearchAttributes.searchAttributes ?? {};
      for (const [name, value] of Object.entries(indexedFields ?? {}))
        this.searchAttributes[name] = unpacked(value);
    } else if (command.respondToQuery) {
      const { queryId, succeeded, failed } = command.respondToQuery;
      if (failed) throw new Error(failed.message ?? 'the query failed');
      this.queries.set(queryId!, unpacked(succeeded?.response));
    } else if (command.completeWorkflowExecution) {
      this.outcome = { completed: unpacked(command.completeWorkflowExecution.result) };
    } else if (command.failWorkflowExecution) {
      this.outcome = { failed: errorOf(command.failWorkflowExecution.failure!) };
    } else if (command.cancelWorkflowExecution) {
      this.outcome = { cancelled: true };
    } else {
      this.cancelActivity(command);
    }
  }

  /** Core answers a cancelled local activity at once; a workflow that shields its activities never asks for it. */
  private cancelActivity({ requestCancelActivity, requestCancelLocalActivity, ...command }: Command): void {
    const asked = requestCancelActivity ?? requestCancelLocalActivity;
    if (!asked)
      throw new Error(`a command that the driver does not know: ${Object.keys(command).join(', ')}`);
    const isLocal = Boolean(requestCancelLocalActivity);
    this.pending = this.pending.filter((one) => one.kind === 'timer' || one.seq !== asked.seq);
    const failure = { message: 'cancelled', canceledFailureInfo: {} };
    this.arrives({ resolveActivity: { seq: asked.seq, isLocal, result: { cancelled: { failure } } } });
  }

  private schedule(
    command: Command,
    asked: coresdk.workflow_commands.IScheduleActivity | coresdk.workflow_commands.IScheduleLocalActivity,
    { queue, local, waitsMs }: { queue: string; local: boolean; waitsMs: number },
  ): void {
    const summary = command.userMetadata?.summary ? String(unpacked(command.userMetadata.summary)) : '';
    const input = asked.arguments?.[0] ? unpacked(asked.arguments[0]) : undefined;
    const call = { name: asked.activityType ?? '', input, queue, local, attempt: 1, summary };
    const underWay = this.localUnderWay();
    if (local && underWay)
      throw new Error(`local activities at once, which no replay gets right: ${call.name}, ${underWay}`);
    this.calls.push(call);
    const retry = asked.retryPolicy ?? {};
    const expiresAt = this.now + waitsMs;
    this.pending.push({
      kind: 'activity',
      seq: asked.seq!,
      call,
      readyAt: this.now,
      expiresAt,
      waitsMs,
      retry,
    });
  }

  /** Name of a local activity that was asked for and has not come back. */
  private localUnderWay(): string | undefined {
    for (const one of this.pending) {
      if (one.kind === 'activity' && one.call.local) return one.call.name;
      if (one.kind === 'arrival' && one.jobs.some(({ resolveActivity }) => resolveActivity?.isLocal))
        return 'an answer';
    }
    return undefined;
  }

  private answered({
    protocolInstanceId,
    accepted,
    rejected,
    completed,
  }: coresdk.workflow_commands.IUpdateResponse): void {
    const state = this.updates.get(protocolInstanceId!)!;
    if (accepted) state.accepted = true;
    if (completed) Object.assign(state, { done: true, result: unpacked(completed) });
    if (rejected) {
      const { message, type = '', details = [] } = errorOf(rejected);
      Object.assign(state, { done: true, rejection: { message, type, details } });
    }
  }
}
