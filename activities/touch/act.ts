import { createHash } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { type Act, type ActReport, claimKeys, type NativeCommand } from '../../domain/act.js';
import { canonicalJson } from '../../domain/canonical.js';
import { SlipwayError } from '../../domain/failures.js';
import { beginStep, endStep, type StepEnd } from '../../records/steps.js';
import { type Dependencies, now } from '../dependencies.js';
import { failpoint } from '../failpoint.js';
import { toFailure } from '../failures.js';

export interface ActInput {
  changeId: string;
  round: number;
  /** Grows at each run through the gate and at each undo: a new try is a new operation. */
  run: number;
  step: string;
  direction: 'forward' | 'undo' | 'escalation';
  epoch: number;
  sequence: number;
  hostIdentity: string;
  limitSeconds: number;
  act: Act;
  commands: NativeCommand[];
}

export interface ActAnswer {
  result: ActReport['result'];
  /** The outcome, when the register could not take it: the workflow brings it there later. */
  unrecorded: StepEnd | null;
}

export type Touch = ReturnType<typeof createTouch>;

const heartbeatEveryMs = 1500;

/** The one activity that changes a machine: intent, act, outcome. */
export function createTouch({ register, hypervisorOf }: Dependencies) {
  return {
    async act(input: ActInput): Promise<ActAnswer> {
      const { changeId, epoch, sequence, act, hostIdentity } = input;
      const context = Context.current();
      const { attempt } = context.info;
      const opId = operationId(input);
      const keys = claimKeys(hostIdentity, [act]);
      const { round, step: name, direction, commands } = input;

      failpoint('act.b0');
      await beginStep(register.db, {
        changeId,
        round,
        name,
        direction,
        opId,
        epoch,
        sequence,
        attempt,
        keys,
        commands,
        at: now(),
      });
      failpoint('act.b1');

      const beat = setInterval(() => context.heartbeat(), heartbeatEveryMs);
      const limit = AbortSignal.any([
        context.cancellationSignal,
        AbortSignal.timeout(input.limitSeconds * 1000),
      ]);
      const progress = (note: string): void => {
        if (note === 'sent') failpoint('act.b2');
        context.heartbeat(note);
      };
      const end = { changeId, opId, epoch, sequence, attempt };
      try {
        const order = { opId, epoch, sequence, attempt, keys, hostIdentity, act };
        const report = await hypervisorOf(act.host).act(order, progress, limit);
        failpoint('act.b3');
        const { before, after, ran, result } = report;
        const unrecorded = await record({ ...end, outcome: result, before, after, ran, at: now() });
        failpoint('act.b4');
        return { result, unrecorded };
      } catch (error) {
        const failure = toFailure(error);
        const outcome = failure.reason === 'outcome-unknown' ? 'unknown' : 'failed';
        await record({ ...end, outcome, failure, before: [], after: [], ran: [], at: now() });
        throw error;
      } finally {
        clearInterval(beat);
      }
    },
  };

  /** What happened has happened: a register that is down can't make it a failure. */
  async function record(end: StepEnd): Promise<StepEnd | null> {
    try {
      await endStep(register.db, end);
      return null;
    } catch (error) {
      if (error instanceof SlipwayError && error.failure.reason === 'register-down') return end;
      throw error;
    }
  }
}

/** Known again by host and register alike; only `[A-Za-z0-9_-]`, since it becomes part of a libvirt alias. */
export function operationId(
  input: Pick<ActInput, 'changeId' | 'round' | 'run' | 'step' | 'direction' | 'act'>,
): string {
  const { changeId, round, run, step, direction, act } = input;
  const text = canonicalJson([changeId, round, run, step, direction, act.verb]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
