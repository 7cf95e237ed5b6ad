export interface EventNotice {
  changeId: string;
  /** Of the newest event of that change; read with `auditEvents(db, {changeId, after})`. */
  sequence: number;
}

export interface Listener {
  close(): Promise<void>;
}

/**
 * Follows `slipway_events` on a connection of its own. After a loss it connects again and then calls `onGap`: notices
 * may have been missed, so readers must ask the register once. Never throws for a database that is down.
 */
export function listenToEvents(
  _url: string,
  _on: { notice: (notice: EventNotice) => void; gap: () => void },
): Listener {
  throw new Error('not written yet');
}
