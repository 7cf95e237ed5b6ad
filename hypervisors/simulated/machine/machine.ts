import { createHash } from 'node:crypto';
import { Guard } from './guard.js';
import type { InjectedFault } from './injected-faults.js';
import type { Ledger, LedgerEntry } from './ledger.js';
import { refuse } from './refusal.js';
import { type MachineHost, restoreEntities } from './state.js';
import type { Timing, WorldFile } from './world-file.js';

export interface RunningHost {
  state: MachineHost;
  guard: Guard;
}

/** All simulated hosts of one world file, with their guards, faults and delays. */
export class Machine {
  hosts!: Map<string, RunningHost>;
  faults!: InjectedFault[];
  delays!: Record<string, number>;
  readonly timing: Timing;

  constructor(
    private readonly pristine: WorldFile,
    readonly ledger: Ledger,
  ) {
    this.timing = pristine.timing;
    this.setUp();
    for (const entry of ledger.entries) this.recall(entry);
  }

  host(id: string): RunningHost {
    const known = [...this.hosts.keys()].join(', ');
    return (
      this.hosts.get(id) ??
      refuse('no-such-host', 'no such host in the world file', {
        expected: `one of: ${known}`,
        actual: JSON.stringify(id),
      })
    );
  }

  /** Back to the world file: state, guards, faults and delays. The ledger keeps what was. */
  async reset(): Promise<void> {
    this.ledger.append({ kind: 'reset' });
    this.setUp();
    await this.ledger.flushed();
  }

  private recall(entry: LedgerEntry): void {
    if (entry.kind === 'reset') return this.setUp();
    const host = entry.host === undefined ? undefined : this.hosts.get(entry.host);
    if (!host)
      throw new Error(
        `ledger line ${entry.sequence} names host ${entry.host}, which the world file does not have`,
      );
    if (entry.after) restoreEntities(host.state, entry.after);
    host.guard.recall(entry);
  }

  private setUp(): void {
    const { hosts, faults, delays } = structuredClone(this.pristine);
    this.hosts = new Map(
      hosts.map((state) => [state.id, { state, guard: new Guard(this.pristine.timing.lockWaitMs) }]),
    );
    this.faults = faults;
    this.delays = delays;
  }
}

/** A name or address can move to another machine; this digest can't. */
export function identityOf(host: MachineHost): string {
  return createHash('sha256').update(`${host.machineId}\n${host.hostKey}`).digest('hex');
}
