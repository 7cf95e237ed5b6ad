import type { Errand } from './arm.js';

/** What the simulator says happened to its machines. */
export interface Effect {
  opId: string;
  verb: string;
  subject: string;
}

const effectsOf = { attach: ['dismount', 'attach'], return: ['detach', 'mount'] } as const;

/** Why a block does not count: an effect that is missing, happened twice or was nobody's errand. Null if all is right. */
export function voidBecause(effects: readonly Effect[], errands: readonly Errand[]): string | null {
  const twice = effects.find(({ opId }, index) => effects.findIndex((one) => one.opId === opId) < index);
  if (twice) return `${twice.verb} ${twice.subject} happened twice (operation ${twice.opId})`;
  const addresses = new Set(
    [...errands, ...effects].map((one) => ('address' in one ? one.address : one.subject)),
  );
  for (const address of addresses) {
    const expected = errands
      .filter((one) => one.address === address)
      .flatMap(({ action }) => effectsOf[action]);
    const actual = effects.filter(({ subject }) => subject === address).map(({ verb }) => verb);
    if (actual.join() !== expected.join())
      return `${address}: expected ${expected.join(', ') || 'nothing'}; the ledger has ${actual.join(', ') || 'nothing'}`;
  }
  return null;
}

/** The simulator's ledger and its delays, over its own interface. */
export class Simulator {
  private seen = 0;

  constructor(private readonly url: string) {}

  async delaySteps(milliseconds: number): Promise<void> {
    // A hot attach or detach is two commands, each of which is delayed: live, and in the definition.
    const half = milliseconds / 2;
    const delays = { dismount: milliseconds, mount: milliseconds, attach: half, detach: half };
    await this.call('PUT', '/delays', delays);
  }

  /** The effects since it was asked last. */
  async newEffects(): Promise<Effect[]> {
    const entries = await this.call<(Effect & { sequence: number; kind: string })[]>(
      'GET',
      `/ledger?after=${this.seen}`,
    );
    this.seen = entries.at(-1)?.sequence ?? this.seen;
    return entries.filter(({ kind }) => kind === 'effect');
  }

  private async call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    if (!response.ok) throw new Error(`the simulator refused ${method} ${path}: ${await response.text()}`);
    return (await response.json()) as T;
  }
}
