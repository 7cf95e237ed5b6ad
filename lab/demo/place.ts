import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readAddresses, type StackAddresses } from '../../stack/addresses.js';
import { anyPorts } from '../../stack/options.js';
import { checkout } from '../../stack/places.js';
import { isAlive } from '../../stack/processes.js';
import { startStack } from '../../stack/stack.js';
import type { Fault } from './fault.js';
import { readLab } from './kvm.js';
import type { Show } from './show.js';

export const placeNames = ['simulated', 'kvm'] as const;

/** Where the demo runs: a stack that answers, and the device and VM it is about. */
export interface Place {
  addresses: StackAddresses;
  host: string;
  vm: string;
  device: string;
  /** The fault, if one is wanted, holds from here on; it does already when the place is opened. */
  breaks(): Promise<void>;
  /** Ends the fault. False: it stays as long as the place. */
  heals(): Promise<boolean>;
  close(): Promise<void>;
}

/** Uses the stack that runs already if it can; a stack of its own beside it when hosts are real or must fail. */
export async function openPlace(
  on: (typeof placeNames)[number],
  fault: Fault | undefined,
  show: Show,
): Promise<Place> {
  return on === 'kvm' ? openKvm(fault, show) : openSimulated(fault, show);
}

async function openSimulated(fault: Fault | undefined, show: Show): Promise<Place> {
  const running = readAddresses(join(checkout, '.slipway'));
  const usable = running && isAlive(running.supervisor) && running.simulatorUrl !== undefined;
  const stack = usable ? undefined : await ownStack('simulated', show, {});
  const addresses = stack?.addresses ?? running!;
  show.stack(addresses, usable ? 'the stack that is running' : 'a stack of its own');
  const place = {
    addresses,
    host: 'sim-01',
    vm: 'voip-gateway',
    device: 'isdn-card',
    async breaks() {
      if (fault) await injectFault(addresses.simulatorUrl!, fault);
    },
    async heals() {
      if (fault) await fetch(`${addresses.simulatorUrl}/faults`, { method: 'DELETE' });
      return true;
    },
    async close() {
      await place.heals().catch(() => undefined);
      await stack?.stop();
    },
  };
  await place.breaks();
  return place;
}

/** The fault holds for every try of the step: a reply lost once heals by itself, and then there is nothing to undo. */
async function injectFault(simulatorUrl: string, { verb, subject, when }: Fault): Promise<void> {
  const kind = { before: 'before', after: 'lost-reply', hang: 'hang' }[when];
  const about = subject === undefined ? {} : subject.includes(':') ? { address: subject } : { vm: subject };
  const response = await fetch(`${simulatorUrl}/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind, verb, ...about, count: 1000 }),
  });
  if (!response.ok) throw new Error(`the simulator refused the fault: ${await response.text()}`);
}

async function openKvm(fault: Fault | undefined, show: Show): Promise<Place> {
  const lab = await readLab(show);
  const workerEnv: Record<string, string> = fault
    ? { SLIPWAY_FAULT: `${[fault.verb, fault.subject].filter(Boolean).join(' ')}:${fault.when}` }
    : {};
  // A register that knows this host would refuse the guard of a lab that was made pristine since.
  const stack = await ownStack(`kvm-${lab.boot}`, show, { estate: lab.estate, workerEnv });
  show.stack(stack.addresses, 'a stack of its own');
  return {
    addresses: stack.addresses,
    host: 'kvm-01',
    vm: 'voip-gateway',
    device: lab.device,
    breaks: () => Promise.resolve(),
    // The worker was started with its fault and keeps it.
    heals: () => Promise.resolve(fault === undefined),
    close: () => stack.stop(),
  };
}

async function ownStack(
  name: string,
  show: Show,
  more: { estate?: string; workerEnv?: Record<string, string> },
) {
  const home = join(checkout, '.slipway', `demo-${name}`);
  show.line(existsSync(home) ? 'starting a stack' : 'starting a stack for the first time');
  return startStack({ ...anyPorts(), ...more, home, report: (line) => show.detail(line) });
}
