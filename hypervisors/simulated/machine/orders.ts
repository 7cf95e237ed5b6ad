import type { NativeCommand, Order } from '../../../domain/act.js';
import type { JournalRecord, Outcome } from './guard.js';
import { type InjectedFault, takeFault } from './injected-faults.js';
import { identityOf, type Machine, type RunningHost } from './machine.js';
import { type Call, described, perform } from './perform.js';
import { refuse } from './refusal.js';
import { parseSimctl } from './simctl.js';

/** What goes back to the caller: an answer, silence, or a cut connection. */
export type Reply = { kind: 'answer'; outcome: Outcome } | { kind: 'hang' } | { kind: 'cut' };

/** The guard's front door: fence, then join what already runs, replay what is finished, or act. */
export async function receive(
  machine: Machine,
  host: RunningHost,
  order: Order,
  commands: NativeCommand[],
): Promise<Reply> {
  checkHost(host, order.hostIdentity);
  host.guard.admit(order);
  const fault = takeFault(machine.faults, { method: 'act', host: host.state.id, act: order.act });
  if (fault?.kind === 'hang' && fault.effect === 'none') return { kind: 'hang' };

  const known = host.guard.journal.get(order.opId);
  if (known?.running) return disturbed(fault, await known.running);
  if (known?.outcome && !mayRunAgain(known, order)) {
    return disturbed(fault, replay(host, known.outcome, commands));
  }
  const running = begin({ machine, host, order, commands, fault, ran: [] });
  if (fault?.kind !== 'late') return disturbed(fault, await running);
  running.catch(() => undefined);
  return { kind: 'cut' };
}

/** A fault meets a caller also when there was nothing left to do for it. */
function disturbed(fault: InjectedFault | undefined, outcome: Outcome): Reply {
  if (!fault) return { kind: 'answer', outcome };
  switch (fault.kind) {
    case 'hang':
      return { kind: 'hang' };
    case 'late':
    case 'lost-reply':
      return { kind: 'cut' };
    default:
      return { kind: 'answer', outcome: outcome.result === 'refused' ? outcome : refusedBy(fault) };
  }
}

function refusedBy(fault: InjectedFault): Outcome {
  return { result: 'refused', refusal: { code: fault.code, text: `injected fault: ${fault.kind}` }, ran: [] };
}

export function checkHost(host: RunningHost, expected: string): void {
  const actual = identityOf(host.state);
  if (actual !== expected) refuse('other-host', 'this is another host', { expected, actual });
}

/** A refusal is not for ever: a newer attempt of the same order may try again. What was done is never done twice. */
function mayRunAgain(known: JournalRecord, order: Order): boolean {
  return known.outcome?.result === 'refused' && order.attempt > known.attempt;
}

/** The journal tells what an order did; whether it is still so is for the state to say. */
function replay(host: RunningHost, outcome: Outcome, commands: NativeCommand[]): Outcome {
  if (outcome.result === 'refused') return outcome;
  const undone = commands
    .map((command) => parseSimctl(host.state, command))
    .find((command) => !command.already());
  if (!undone) return outcome;
  const actual = `simctl ${undone.argv.join(' ')} has been undone since`;
  return {
    result: 'refused',
    refusal: { code: 'no-effect', text: 'done once, and not so any more', actual },
    ran: [],
  };
}

function begin(call: Call): Promise<Outcome> {
  const { order } = call;
  const { journal } = call.host.guard;
  const earlier = journal.get(order.opId);
  const running = runLocked(call, () => perform(call));
  journal.set(order.opId, { attempt: order.attempt, running });
  running.then(
    (outcome) => journal.set(order.opId, { attempt: order.attempt, outcome }),
    () => (earlier ? journal.set(order.opId, earlier) : journal.delete(order.opId)),
  );
  return running;
}

async function runLocked({ machine, host, order }: Call, todo: () => Promise<Outcome>): Promise<Outcome> {
  const release = await host.guard.lock(order.keys);
  try {
    host.guard.admit(order);
    host.guard.raise(order);
    machine.ledger.append({ kind: 'begun', ...described(host, order), keys: order.keys });
    const outcome = await todo();
    machine.ledger.append({ kind: 'finished', ...described(host, order), outcome });
    await machine.ledger.flushed();
    return outcome;
  } finally {
    release();
  }
}
