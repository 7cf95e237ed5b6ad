import { setTimeout as sleep } from 'node:timers/promises';
import type { Act, NativeCommand, Order, RanCommand } from '../../../domain/act.js';
import { checkIdentity, checkRules } from './checks.js';
import type { Outcome } from './guard.js';
import type { InjectedFault } from './injected-faults.js';
import type { LedgerLine } from './ledger.js';
import type { Machine, RunningHost } from './machine.js';
import { Refusal, refuse } from './refusal.js';
import { vmOf } from './hardware.js';
import { parseSimctl, type Simctl } from './simctl.js';
import { difference, type Entities, entitiesOf } from './state.js';

/** One order that the guard let through. */
export interface Call {
  machine: Machine;
  host: RunningHost;
  order: Order;
  commands: NativeCommand[];
  fault: InjectedFault | undefined;
  ran: RanCommand[];
  /** What it is about, as it was just before the first command. */
  untouched?: Entities;
}

/** Observe, nothing to do if already so, check again, act, observe again; and write down what was changed. */
export async function perform(call: Call): Promise<Outcome> {
  const { host, order, fault, ran } = call;
  const before = entitiesOf(host.state, subjectsOf(order.act));
  try {
    checkIdentity(host.state, order.act);
    const todo = call.commands.map((command) => parseSimctl(host.state, command));
    if (fault?.kind === 'before') injected(fault);
    if (todo.every((command) => command.already())) {
      if (fault?.kind === 'after' || fault?.kind === 'partial') injected(fault);
      return { result: 'already', before, after: before, ran };
    }
    if (fault?.kind === 'late') await sleep(fault.afterMs);
    checkRules(host.state, order.act);
    if (fault?.kind === 'partial') await runHalf(call, todo, fault);
    await runAll(call, todo);
    await observeEffect(call, todo);
    if (fault?.kind === 'after') injected(fault);
    return { result: 'done', before, after: entitiesOf(host.state, subjectsOf(order.act)), ran };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { result: 'refused', refusal: error.parts, ran };
  } finally {
    recordEffect(call);
  }
}

async function runAll(call: Call, todo: Simctl[]): Promise<void> {
  const { machine, order } = call;
  for (const [index, command] of todo.entries()) {
    if (command.already()) continue;
    // A guest gets its time to shut down before the power is cut.
    if (index > 0 && order.act.verb === 'quiesce') await sleep(machine.timing.guestPatienceMs);
    if (command.already()) continue;
    await run(call, command);
    // What the running VM still has must not vanish from its definition.
    if (order.act.verb === 'detach' && !command.already()) return;
  }
}

async function run(call: Call, command: Simctl): Promise<void> {
  const { machine, host, order, ran } = call;
  const started = performance.now();
  const report = (exitCode: number, stdout: string, stderr: string): void => {
    ran.push({
      tool: 'simctl',
      argv: command.argv,
      exitCode,
      stdout,
      stderr,
      milliseconds: performance.now() - started,
    });
  };
  const delay = machine.delays[order.act.verb] ?? 0;
  if (delay > 0) await sleep(delay);
  call.untouched ??= entitiesOf(host.state, subjectsOf(order.act));
  try {
    report(0, command.run(order.opId), '');
  } catch (error) {
    if (error instanceof Refusal) report(1, '', error.parts.text);
    throw error;
  }
}

/** The first of several commands, or the first half of a single one. */
async function runHalf(call: Call, todo: Simctl[], fault: InjectedFault): Promise<never> {
  const [first, ...others] = todo.filter((command) => !command.already());
  if (first && others.length > 0 && call.order.act.verb !== 'quiesce') await run(call, first);
  else {
    call.untouched ??= entitiesOf(call.host.state, subjectsOf(call.order.act));
    first?.half();
  }
  return injected(fault);
}

/** A tool that reported success proves nothing: what it was for must be there. */
async function observeEffect(call: Call, todo: Simctl[]): Promise<void> {
  const { machine, host, order } = call;
  const { verb, vm, device } = order.act;
  const missing = (): Simctl | undefined => todo.find((command) => !command.already());
  if (!missing()) return;
  if (verb === 'detach' || verb === 'quiesce') await sleep(machine.timing.guestPatienceMs);
  if (verb === 'detach' && todo[0]?.already()) await runAll(call, todo);
  const still = missing();
  if (!still) return;
  const at = {
    vm: vm?.name,
    address: device?.address,
    actual: `simctl ${still.argv.join(' ')} had no effect`,
  };
  if (verb === 'detach') refuse('guest-silent', 'the guest has not released the device', at);
  const power = vm ? vmOf(host.state, vm.name).power : undefined;
  if (verb === 'quiesce')
    refuse('power-stays', 'the guest ignored the shutdown', { ...at, expected: 'off', actual: power });
  refuse('no-effect', 'the command succeeded without effect', at);
}

function injected(fault: InjectedFault): never {
  return refuse(fault.code, `injected fault: ${fault.kind}`);
}

function recordEffect({ machine, host, order, fault, untouched }: Call): void {
  const changed = untouched && difference(untouched, entitiesOf(host.state, subjectsOf(order.act)));
  if (!changed) return;
  const kind = isRequestOnly(order, changed) ? 'request' : 'effect';
  machine.ledger.append({
    kind,
    ...described(host, order),
    ...changed,
    ...(fault?.kind === 'late' ? { late: true } : {}),
  });
}

/** Asking a silent guest changes nothing but the list of what it was asked for. */
function isRequestOnly(order: Order, changed: { before: Entities; after: Entities }): boolean {
  if (order.act.verb !== 'detach') return false;
  const without = (all: Entities): string =>
    JSON.stringify(Object.values(all).map((entity) => ({ ...entity, unplugging: undefined })));
  return without(changed.before) === without(changed.after);
}

/** The entities an act can change. Its keys lock them, so that nobody else's effect is taken for its own. */
function subjectsOf(act: Act): string[] {
  return [...(act.device ? [`device ${act.device.address}`] : []), ...(act.vm ? [`vm ${act.vm.name}`] : [])];
}

/** What every ledger line of an order tells. */
export function described(
  host: RunningHost,
  { opId, epoch, sequence, attempt, act }: Order,
): Partial<LedgerLine> & { host: string } {
  const subject = act.device?.address ?? act.vm?.name ?? act.host;
  return { host: host.state.id, opId, epoch, order: { sequence, attempt }, verb: act.verb, subject };
}
