import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Act,
  type ActDevice,
  type ActReport,
  claimKeys,
  type Order,
  type Verb,
} from '../../domain/act.js';
import type { DeviceFacts } from '../../domain/device.js';
import type { Fact } from '../../domain/act.js';
import { type Failure, SlipwayError } from '../../domain/failures.js';
import type { HostView, Hypervisor, VmFacts } from '../../domain/hypervisor.js';

export interface Subject {
  device?: string;
  vm?: string;
  placement?: 'hot' | 'cold';
  force?: boolean;
}

/** Gives orders as a change does: from what was seen when everything was at home, with epochs and sequences that grow. */
export class Orders {
  /** Grows over all tests, and over all runs against a host that remembers. */
  private static lastEpoch = Math.floor(Date.now() / 1000);
  epoch = ++Orders.lastEpoch;
  sequence = 0;

  private constructor(
    readonly hypervisor: Hypervisor,
    readonly home: HostView,
  ) {}

  static async over(hypervisor: Hypervisor, host: string): Promise<Orders> {
    return new Orders(hypervisor, await hypervisor.inspect({ host }));
  }

  get host(): string {
    return this.home.host.id;
  }

  device(address: string): ActDevice {
    const facts = found(
      this.home.devices.find((one) => one.address === address),
      address,
    );
    const { mode, fingerprint, unit, holder } = facts;
    const members = this.home.devices
      .filter((one) => one.unit === unit && !one.bridge)
      .map((one) => one.address);
    const hostDriver = holder.kind === 'host' ? holder.driver : null;
    return { address, mode, fingerprint, unit, members: members.sort(), hostDriver };
  }

  vm(name: string): VmFacts {
    return found(
      this.home.vms.find((one) => one.name === name),
      name,
    );
  }

  act(verb: Verb, { device, vm, ...more }: Subject): Act {
    const { name, uuid } = vm === undefined ? { name: '', uuid: '' } : this.vm(vm);
    return {
      verb,
      host: this.host,
      ...(vm === undefined ? {} : { vm: { name, uuid } }),
      ...(device === undefined ? {} : { device: this.device(device) }),
      ...more,
    };
  }

  order(act: Act, changed: Partial<Order> = {}): Order {
    const hostIdentity = this.home.host.identity;
    const opId = randomBytes(16).toString('base64url');
    const keys = claimKeys(hostIdentity, [act]);
    return {
      opId,
      epoch: this.epoch,
      sequence: ++this.sequence,
      attempt: 1,
      keys,
      hostIdentity,
      act,
      ...changed,
    };
  }

  send(
    order: Order,
    progress: (note: string) => void = () => undefined,
    signal = new AbortController().signal,
  ): Promise<ActReport> {
    return this.hypervisor.act(order, progress, signal);
  }

  give(verb: Verb, subject: Subject): Promise<ActReport> {
    return this.send(this.order(this.act(verb, subject)));
  }

  async reached(verb: Verb, subject: Subject): Promise<string> {
    return (await this.hypervisor.observe(this.act(verb, subject))).reached;
  }

  snapshot(devices: string[], vms: string[]): Promise<Fact[]> {
    const query = {
      host: this.host,
      devices: devices.map((one) => this.device(one)),
      vms: vms.map((one) => this.vm(one)),
    };
    return this.hypervisor.snapshot(query);
  }

  async look(address: string): Promise<DeviceFacts> {
    const view = await this.hypervisor.inspect({ host: this.host });
    return found(
      view.devices.find((one) => one.address === address),
      address,
    );
  }

  /** Whatever a test left: devices out of VMs, back with their drivers, VMs in their former power state. */
  async bringHome(): Promise<void> {
    this.epoch = ++Orders.lastEpoch;
    const now = await this.hypervisor.inspect({ host: this.host });
    for (const vm of now.vms) await this.empty(vm);
    for (const { address, holder } of now.devices) {
      if (holder.kind !== 'host' && this.wasAtHome(address)) await this.give('mount', { device: address });
    }
    for (const { name, power } of this.home.vms) {
      if (power === 'running') await this.give('resume', { vm: name });
      if (power === 'off') await this.give('quiesce', { vm: name, force: true });
    }
  }

  private async empty(vm: VmFacts): Promise<void> {
    const kept = this.vm(vm.name).devices.map((one) => one.address);
    for (const { address, live } of vm.devices.filter((one) => !kept.includes(one.address))) {
      const placement = live ? 'hot' : 'cold';
      await this.give('detach', { device: address, vm: vm.name, placement }).catch(async () => {
        await this.give('quiesce', { vm: vm.name, force: true });
        await this.give('detach', { device: address, vm: vm.name, placement });
      });
    }
  }

  private wasAtHome(address: string): boolean {
    return this.home.devices.some(
      (one) => one.address === address && one.holder.kind === 'host' && !one.bridge,
    );
  }
}

/** The failure an act or read ends with; anything else is an error of the test. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  try {
    await work;
  } catch (error) {
    if (error instanceof SlipwayError) return error.failure;
    throw error;
  }
  throw new Error('expected a failure, found success');
}

/** Waits for a condition, never for a time. */
export async function until(what: string, holds: () => Promise<boolean>, limitMs: number): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`still not so after ${limitMs} ms: ${what}`);
    await sleep(50);
  }
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined)
    throw new Error(`the contract's world names ${what}, which the host does not have`);
  return value;
}
