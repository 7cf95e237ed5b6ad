import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Hypervisor } from '../../domain/hypervisor.js';
import { actContract } from './contract-acts.js';
import { guardContract } from './contract-guard.js';
import { lookContract } from './contract-looks.js';
import { Orders } from './orders.js';

/** Real places in a host on which the contract is tried. Everything is at home when it begins, and when it ends. */
export interface ContractWorld {
  host: string;
  /** An endpoint alone in its unit, not in use, with a driver and a serial number. */
  single: string;
  /** All endpoints of one unit, two at least, not in use. */
  unit: string[];
  /** A device the host uses, and the kind of use. */
  inUse: { address: string; kind: string };
  /** A running VM whose guest obeys and can be looked into, with free ports for the unit. */
  running: string;
  /** Another VM that runs and has a free port. */
  neighbour: string;
  /** A VM that is off. */
  off: string;
  probe: 'agent' | 'ssh' | 'powershell-direct' | 'vmware-tools';
  /** Makes the guest of `running` deaf to requests to release a device, and lets it answer again. */
  deafen(): Promise<void>;
  wake(): Promise<void>;
}

export interface Contract {
  make(): Hypervisor | Promise<Hypervisor>;
  world: ContractWorld;
  /** A fresh host before every test, if that is cheap; otherwise the tests bring everything home by orders. */
  reset?(): Promise<unknown>;
  /** Waits until the guests are there again, after a test that switched some of them off and on. */
  ready?(): Promise<unknown>;
  /** How long a test, and how long a guest, may take. */
  limits: { testMs: number; guestSeconds: number };
  /** What this platform can't do: title of the test and the row of reference/hypervisors.md that says why. */
  holes: Record<string, string>;
}

/** What a test of the contract works with. */
export interface Bench {
  readonly orders: Orders;
  readonly world: ContractWorld;
  readonly guestSeconds: number;
}

export type Check = (title: string, body: (bench: Bench) => Promise<void>) => void;

/** One suite for every adapter: the port's promises, tried on a host. */
export function describeHypervisor(name: string, contract: Contract): void {
  describe(`${name}: the contract of every hypervisor`, () => {
    const tried = new Set<string>();
    let hypervisor: Hypervisor;
    let orders: Orders;

    beforeAll(async () => {
      hypervisor = await contract.make();
      await contract.reset?.();
    }, contract.limits.testMs);
    beforeEach(async () => {
      await contract.ready?.();
      orders = await Orders.over(hypervisor, contract.world.host);
    }, contract.limits.testMs);
    afterEach(async () => {
      if (contract.reset) await contract.reset();
      else await orders.bringHome();
    }, contract.limits.testMs);
    afterAll(() => hypervisor.close());

    const check: Check = (title, body) => {
      tried.add(title);
      const hole = contract.holes[title];
      if (hole === undefined) {
        it(
          title,
          () => body({ orders, world: contract.world, guestSeconds: contract.limits.guestSeconds }),
          contract.limits.testMs,
        );
        return;
      }
      process.stdout.write(`hole in ${name}: ${title}: ${hole}\n`);
    };

    lookContract(check);
    actContract(check);
    guardContract(check);

    it('has holes only for tests that exist, each with the reference row that makes it impossible', () => {
      for (const [title, reason] of Object.entries(contract.holes)) {
        expect(tried).toContain(title);
        expect(reason).toMatch(/hypervisors\.md §[A-G]\d/);
      }
    });
  });
}
