/** Clocks of a change, in milliseconds since the epoch; each is a durable timer and each is shown. */
export interface Clocks {
  /** When reviews must be complete. */
  reviewUntil: number;
  /** When the first act must have happened. */
  executeUntil: number;
  /** When a reviewed plan is too old to be run without a new look by people. */
  planUntil: number;
  leaseUntil?: number;
  leaseLimit?: number;
}

export interface ClockPolicy {
  reviewExpiryMs: number;
  executionExpiryMs: number;
  planAgeMs: number;
  leaseLimitMs: number;
}

const day = 24 * 60 * 60 * 1000;
export const defaultClockPolicy: ClockPolicy = {
  reviewExpiryMs: 7 * day,
  executionExpiryMs: 14 * day,
  planAgeMs: 7 * day,
  leaseLimitMs: 365 * day,
};

export type WindowAnswer =
  { open: true; closesInMs: number | null } | { open: false; opensInMs: number | null; why: string };

/**
 * Whether a change that needs `neededMs` (its estimate and the undo of it) may start at `now`.
 * `opensInMs` null means: never again.
 */
export function askWindow(
  window: { from: string; to: string } | undefined,
  now: number,
  neededMs: number,
): WindowAnswer {
  if (!window) return { open: true, closesInMs: null };
  const from = Date.parse(window.from);
  const to = Date.parse(window.to);
  if (now < from) return { open: false, opensInMs: from - now, why: `the window opens at ${window.from}` };
  if (now >= to) return { open: false, opensInMs: null, why: `the window closed at ${window.to}` };
  if (now + neededMs > to) {
    const why = `${Math.ceil(neededMs / 1000)} s (run and undo) do not fit before the window closes at ${window.to}`;
    return { open: false, opensInMs: null, why };
  }
  return { open: true, closesInMs: to - now };
}
