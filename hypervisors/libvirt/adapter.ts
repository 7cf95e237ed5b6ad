import { actName } from '../../domain/act.js';
import { failure, SlipwayError } from '../../domain/failures.js';
import type { Hypervisor, ProbeReport } from '../../domain/hypervisor.js';
import { commandsOf } from './commands.js';
import { factsOf, observationOf, probeReportOf, reportOf, viewOf } from './replies.js';
import { createTransport, type TransportOptions } from './transport.js';

export interface LibvirtOptions extends TransportOptions {
  /** How long a guest may take, in seconds: to release a device, and to shut down before its power is cut. */
  patience?: { detachSeconds?: number; shutdownSeconds?: number };
}

/** What the guard knows of itself. `watermark` is the newest epoch it has seen; absent when it has no state. */
export interface GuardStatus {
  version: number;
  hostIdentity: string;
  seeded: boolean;
  watermark?: number;
}

/** The port, and beside it what only a guard has. */
export interface LibvirtHypervisor extends Hypervisor {
  guardStatus(): Promise<GuardStatus>;
  /** On an operator's order, after checking the host: a new state in which no epoch below `floor` may act. */
  seedGuard(order: { hostIdentity: string; floor: number; by: string }): Promise<void>;
}

const defaultPatience = { detachSeconds: 40, shutdownSeconds: 120 };

/** Drives one KVM host through the guard on it. */
export function createLibvirtHypervisor(options: LibvirtOptions): LibvirtHypervisor {
  const { hostId } = options;
  const patience = { ...defaultPatience, ...options.patience };
  const transport = createTransport(options);
  const ask = (verb: string, more: object = {}): Promise<unknown> =>
    transport.ask({ document: { verb, ...more } });

  return {
    async inspect({ fence }) {
      return viewOf(hostId, await ask('inspect', { fence }));
    },

    commands: commandsOf,

    async act(order, progress, signal) {
      commandsOf(order.act);
      const document = { verb: 'act', ...order, ...patience };
      const acts = { names: [order.act.verb, actName(order.act)] };
      return reportOf(hostId, await transport.ask({ document, acts, progress, signal }));
    },

    async observe(act) {
      return observationOf(hostId, await ask('observe', { act }));
    },

    async snapshot({ devices, vms, fence }) {
      return factsOf(hostId, await ask('snapshot', { devices, vms, fence }));
    },

    async probe({ vm, devices, expect, probe, patienceSeconds }, progress, signal) {
      if (probe === 'none') return nobodyLooks;
      if (probe !== 'agent') throw notThisProbe(hostId, vm.name, probe);
      const document = { verb: 'probe', vm, devices, expect, patienceSeconds };
      return probeReportOf(hostId, await transport.ask({ document, progress, signal }));
    },

    async guardStatus() {
      return (await ask('version')) as GuardStatus;
    },

    async seedGuard(order) {
      await ask('seed', order);
    },

    async newestEpoch() {
      return ((await ask('version')) as GuardStatus).watermark ?? null;
    },

    close: () => transport.close(),
  };
}

const nobodyLooks: ProbeReport = { seen: 'unknown', healthy: 'unknown', facts: [] };

function notThisProbe(host: string, vm: string, actual: string): SlipwayError {
  const expected = 'agent or none: a KVM host reaches its guests through the guest agent';
  return new SlipwayError(failure('verify-impossible', { where: { host, vm }, expected, actual }));
}
