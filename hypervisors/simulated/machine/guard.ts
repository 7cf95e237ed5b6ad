import type { Order, RanCommand } from '../../../domain/act.js';
import type { Fence } from '../../../domain/hypervisor.js';
import type { LedgerEntry } from './ledger.js';
import { refuse, type RefusalParts } from './refusal.js';
import type { Entities } from './state.js';

/** How an order ended. `before` and `after` hold the device and the VM it is about. */
export type Outcome =
  | { result: 'done' | 'already'; before: Entities; after: Entities; ran: RanCommand[] }
  | { result: 'refused'; refusal: RefusalParts; ran: RanCommand[] };

interface Watermark {
  epoch: number;
  sequence: number;
  attempt: number;
}

export interface JournalRecord {
  attempt: number;
  /** Absent when the simulator died in the middle: then only observation tells what happened. */
  outcome?: Outcome;
  /** Present while it runs. */
  running?: Promise<Outcome>;
}

/** Fencing in memory, the same rules as on a real host. One per host. */
export class Guard {
  readonly journal = new Map<string, JournalRecord>();
  private readonly watermarks = new Map<string, Watermark>();
  private readonly held = new Set<string>();
  private released = Promise.withResolvers<void>();
  private seeded = true;

  constructor(private readonly lockWaitMs: number) {}

  /** Refuses what a newer claim, a newer order or a newer attempt has overtaken. */
  admit(order: Order): void {
    if (!this.seeded) refuse('no-guard-state', 'the guard of this host has no state');
    for (const key of order.keys) {
      const mark = this.watermarks.get(key);
      if (!mark || order.epoch > mark.epoch) continue;
      if (order.epoch < mark.epoch) {
        refuse('old-epoch', `key ${key} has a newer epoch`, {
          expected: `epoch ${mark.epoch} or newer`,
          actual: `epoch ${order.epoch}`,
        });
      }
      if (
        order.sequence < mark.sequence ||
        (order.sequence === mark.sequence && order.attempt < mark.attempt)
      ) {
        refuse('old-epoch', `key ${key} has seen a newer order`, {
          expected: `order ${mark.sequence}, attempt ${mark.attempt} or newer`,
          actual: `order ${order.sequence}, attempt ${order.attempt}`,
        });
      }
    }
  }

  raise({ keys, epoch, sequence, attempt }: Pick<Order, 'keys' | 'epoch' | 'sequence' | 'attempt'>): void {
    for (const key of keys) this.watermarks.set(key, { epoch, sequence, attempt });
  }

  /** From here on orders of older epochs are refused. Publishing the same epoch again changes nothing. */
  publish({ keys, epoch }: Pick<Fence, 'keys' | 'epoch'>): void {
    if (!this.seeded) refuse('no-guard-state', 'the guard of this host has no state');
    for (const key of keys) {
      const mark = this.watermarks.get(key);
      if (mark && mark.epoch > epoch) {
        refuse('old-epoch', `key ${key} has a newer epoch`, {
          expected: `epoch ${mark.epoch} or newer`,
          actual: `epoch ${epoch}`,
        });
      }
    }
    for (const key of keys) {
      if (this.watermarks.get(key)?.epoch !== epoch)
        this.watermarks.set(key, { epoch, sequence: -1, attempt: 0 });
    }
  }

  /** Takes the locks of all keys, or refuses after a bounded wait. */
  async lock(keys: readonly string[]): Promise<() => void> {
    const until = Date.now() + this.lockWaitMs;
    // Several may wait for the same release: only one of them finds the keys free a moment later.
    do await this.whenFree(keys, until);
    while (this.takenOf(keys));
    keys.forEach((key) => this.held.add(key));
    return () => {
      keys.forEach((key) => this.held.delete(key));
      this.released.resolve();
      this.released = Promise.withResolvers<void>();
    };
  }

  /** Waits for acts that still run: whoever looks next sees their effects. */
  async whenFree(keys: readonly string[], until = Date.now() + this.lockWaitMs): Promise<void> {
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, Math.max(0, until - Date.now()));
    try {
      for (let taken = this.takenOf(keys); taken; taken = this.takenOf(keys)) {
        if (Date.now() >= until) {
          refuse('locked', `key ${taken} is locked by another act`, {
            actual: `waited ${this.lockWaitMs} ms`,
          });
        }
        await Promise.race([this.released.promise, timeout.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  private takenOf(keys: readonly string[]): string | undefined {
    return keys.find((key) => this.held.has(key));
  }

  /** Takes up what a ledger line says about the guard. */
  recall(entry: LedgerEntry): void {
    const { kind, opId, keys = [], epoch = 0, order = { sequence: -1, attempt: 0 } } = entry;
    if (kind === 'fence') this.publish({ keys, epoch });
    if (kind === 'begun') this.raise({ keys, epoch, ...order });
    if (kind === 'begun' && opId) this.journal.set(opId, { attempt: order.attempt });
    if (kind === 'finished' && opId && entry.outcome) {
      this.journal.set(opId, { attempt: order.attempt, outcome: entry.outcome });
    }
    if (kind === 'guard-lost') this.lose();
    if (kind === 'guard-seeded') this.seed();
  }

  /** What an operator's disk failure does: no epochs, no journal, and nothing goes until it is seeded again. */
  lose(): void {
    this.seeded = false;
    this.watermarks.clear();
    this.journal.clear();
  }

  seed(): void {
    this.seeded = true;
  }

  describe(): { seeded: boolean; watermarks: Record<string, Watermark>; running: string[] } {
    const running = [...this.journal]
      .filter(([, record]) => record.running !== undefined)
      .map(([opId]) => opId);
    return { seeded: this.seeded, watermarks: Object.fromEntries(this.watermarks), running };
  }
}
