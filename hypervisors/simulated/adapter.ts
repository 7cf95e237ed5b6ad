import { setTimeout as sleep } from 'node:timers/promises';
import { type ActReport, actName, type Order } from '../../domain/act.js';
import { failure, SlipwayError } from '../../domain/failures.js';
import type { Hypervisor, ProbeQuery, ProbeReport, Progress } from '../../domain/hypervisor.js';
import { commandsOf } from './commands.js';
import { failureOf } from './faults.js';
import type { Outcome } from './machine/guard.js';
import type { MachineHost } from './machine/state.js';
import {
  entityFacts,
  type GuestReply,
  type HostReply,
  observationOf,
  probeOf,
  snapshotFacts,
  viewOf,
} from './replies.js';
import { connect, type Transport } from './transport.js';

export interface SimulatedOptions {
  hostId: string;
  /** Where the simulator's process listens, e.g. `http://127.0.0.1:7181`. */
  url: string;
}

/** How often a caller hears that a long act still goes on, and how often a guest is looked at again. */
const progressEveryMs = 1000;
const probeEveryMs = 200;

export function createSimulatedHypervisor({ hostId, url }: SimulatedOptions): Hypervisor {
  const transport = connect(hostId, url);
  return {
    async inspect({ fence }) {
      return viewOf(await transport.read<HostReply>('inspect', { fence }));
    },
    commands: commandsOf,
    act: (order, progress, signal) => act(transport, hostId, order, progress, signal),
    async observe(wanted) {
      return observationOf(await transport.read<HostReply>('observe', {}), wanted);
    },
    async snapshot(query) {
      return snapshotFacts(await transport.read<MachineHost>('snapshot', { fence: query.fence }), query);
    },
    probe: (query, progress, signal) => probe(transport, query, progress, signal),
    async newestEpoch() {
      const { watermarks } = await transport.read<{ watermarks: Record<string, { epoch: number }> }>(
        'guard',
        {},
      );
      const epochs = Object.values(watermarks).map(({ epoch }) => epoch);
      return epochs.length > 0 ? Math.max(...epochs) : null;
    },

    close() {
      transport.close();
      return Promise.resolve();
    },
  };
}

async function act(
  transport: Transport,
  hostId: string,
  order: Order,
  progress: Progress,
  signal: AbortSignal,
): Promise<ActReport> {
  const commands = commandsOf(order.act);
  if (signal.aborted) throw givenUp(hostId);
  const beat = setInterval(
    () => progress(`${actName(order.act)}: waiting for the simulator`),
    progressEveryMs,
  );
  try {
    const outcome = await transport.order<Outcome>({ order, commands }, signal, () => progress('sent'));
    if (outcome.result === 'refused') throw new SlipwayError(failureOf(hostId, outcome.refusal));
    const { result, before, after, ran } = outcome;
    return { result, before: entityFacts(before), after: entityFacts(after), ran };
  } finally {
    clearInterval(beat);
  }
}

function givenUp(host: string): SlipwayError {
  return new SlipwayError(
    failure('outcome-unknown', {
      where: { host },
      expected: 'a reply',
      actual: 'given up before it was sent',
    }),
  );
}

/** Looks into the guest until it shows what is expected or its time is over; then tells what was seen last. */
async function probe(
  transport: Transport,
  query: ProbeQuery,
  progress: Progress,
  signal: AbortSignal,
): Promise<ProbeReport> {
  const until = Date.now() + query.patienceSeconds * 1000;
  for (;;) {
    const reply = await lookIntoGuest(transport, query, signal);
    const report = probeOf(reply, query);
    if (isExpected(query, report) || reply.power !== 'running' || Date.now() >= until) return report;
    progress(`guest ${query.vm.name}: waiting until the device is ${query.expect}`);
    // Cut short by the caller's signal: the next look fails with its reason.
    await sleep(probeEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

function lookIntoGuest(
  transport: Transport,
  { probe, vm }: ProbeQuery,
  signal: AbortSignal,
): Promise<GuestReply> {
  if (probe === 'none') return Promise.resolve({ power: 'unknown', answers: false, devices: [] });
  return transport.read<GuestReply>('probe', { vm: vm.name }, signal);
}

function isExpected({ expect }: ProbeQuery, { seen, healthy }: ProbeReport): boolean {
  return expect === 'present' ? seen === 'yes' && healthy === 'yes' : seen === 'no';
}
