import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  condition,
  proxyActivities,
  proxyLocalActivities,
  TimeoutFailure,
} from '@temporalio/workflow';
import { TimeoutType } from '@temporalio/common';
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { Look, Tell, Touch } from '../activities/index.js';
import { type Failure, failure, isReason } from '../domain/failures.js';
import { siteQueue } from './contract.js';

/** How long an act may wait for a worker of its site before the site counts as stalled. */
const siteAnswersWithin = '2 minutes';
/** A lost worker is noticed after this much silence. A false alarm is harmless: the next try joins the same operation. */
const heartbeat = '6 seconds';

export interface Acts {
  look: ActivityInterfaceFor<Look>;
  touch(limitSeconds: number, summary: string): ActivityInterfaceFor<Touch>;
  touchBack(limitSeconds: number, summary: string): ActivityInterfaceFor<Touch>;
}

/** The three kinds of activities, named for their risk. `look` reads and is retried freely. */
export function actsOf(site: string): Acts {
  const taskQueue = siteQueue(site);
  const touching = (limitSeconds: number, summary: string) => ({
    taskQueue,
    summary,
    startToCloseTimeout: (limitSeconds + 30) * 1000,
    heartbeatTimeout: heartbeat,
    // The act is never cut off: it ends, and is then undone.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumAttempts: 3 },
  });
  return {
    look: proxyActivities<Look>({
      taskQueue,
      startToCloseTimeout: '6 minutes',
      heartbeatTimeout: heartbeat,
      scheduleToStartTimeout: siteAnswersWithin,
      retry: { initialInterval: '1 second', maximumInterval: '15 seconds', maximumAttempts: 5 },
    }),
    touch: (limitSeconds, summary) =>
      proxyActivities<Touch>({
        ...touching(limitSeconds, summary),
        scheduleToStartTimeout: siteAnswersWithin,
      }),
    // No schedule-to-start limit: undo waits for a worker as long as it takes.
    touchBack: (limitSeconds, summary) => proxyActivities<Touch>(touching(limitSeconds, summary)),
  };
}

const tellPromptly = proxyLocalActivities<Tell>({
  startToCloseTimeout: '5 seconds',
  retry: { initialInterval: '100 milliseconds', maximumAttempts: 3 },
});
const tellForEver = proxyActivities<Tell>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

/** The last local activity that was asked for. */
let turn: Promise<unknown> = Promise.resolve();

/**
 * Local activities go one at a time. Two under way at once come back one by one when they run, but together,
 * and even exchanged, when they are replayed: the change would never get past that point again.
 */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = turn.then(work);
  turn = mine.catch(() => undefined);
  return mine;
}

/**
 * What only touches the register: three quick local tries, then a normal activity that is retried for
 * ever. It never fails a change; a register that is down only makes it wait.
 */
export const tell: ActivityInterfaceFor<Tell> = new Proxy({} as ActivityInterfaceFor<Tell>, {
  get: (_, name: keyof Tell) => async (argument: never) => {
    const promptly = tellPromptly[name] as (argument: never) => Promise<unknown>;
    const forEver = tellForEver[name] as (argument: never) => Promise<unknown>;
    try {
      return await inTurn(() => promptly(argument));
    } catch {
      return forEver(argument);
    }
  },
});

/** What went wrong, as plain data. A timeout says only that nobody knows; an unserved queue says nothing at all. */
export function failureOf(error: unknown): Failure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) {
    const stalled = cause.timeoutType === TimeoutType.SCHEDULE_TO_START;
    return failure(stalled ? 'site-stalled' : 'outcome-unknown', { cause: `${cause.timeoutType} timeout` });
  }
  if (cause instanceof ApplicationFailure && isReason(cause.type ?? '')) {
    return (
      (cause.details?.[0] as Failure | undefined) ??
      failure(cause.type as Failure['reason'], { cause: cause.message })
    );
  }
  return failure('outcome-unknown', { cause: cause instanceof Error ? cause.message : String(cause) });
}

/** Longer from time to time: a site may be away for weeks, and a workflow's history is not endless. */
const patience = { firstMs: 5_000, mostMs: 900_000 };

/** A host that reboots is back by then; after that people must know that a device may be half-way. */
export const hostBackWithinMs = 900_000;

export interface Patience {
  calledOff?: () => boolean;
  /** How long a host that does not answer is waited for, from its first silence on; else it is a failure. */
  hostAwayMs?: number;
}

/**
 * Does `work` again while nothing but patience is missing: the register is down, no worker serves the site, or
 * the host is away. None says anything about the device, so none fails a step; it ends when it is called off.
 */
export async function patiently<T>(
  work: () => Promise<T>,
  notice: (why: Failure) => Promise<void>,
  { calledOff = () => false, hostAwayMs = 0 }: Patience = {},
): Promise<T> {
  let hostAwayUntil = Infinity;
  for (let pause = patience.firstMs; ; pause = Math.min(2 * pause, patience.mostMs)) {
    try {
      return await work();
    } catch (error) {
      const why = failureOf(error);
      const hostIsAway = why.reason === 'host-unreachable';
      if (hostIsAway) hostAwayUntil = Math.min(hostAwayUntil, Date.now() + hostAwayMs);
      const nobodyToAsk = why.reason === 'register-down' || why.reason === 'site-stalled';
      if (!nobodyToAsk && !(hostIsAway && Date.now() < hostAwayUntil)) throw error;
      if (calledOff()) throw error;
      await notice(why);
      if (await condition(calledOff, pause, { summary: why.reason })) throw error;
    }
  }
}
