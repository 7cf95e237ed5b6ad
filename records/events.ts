import pg from 'pg';
import { eventsChannel } from './audit.js';

export interface EventNotice {
  changeId: string;
  /** Of the newest event of that change; read with `auditEvents(db, {changeId, after})`. */
  sequence: number;
}

export interface Listener {
  close(): Promise<void>;
}

const retryMs = 500;

/**
 * Follows `slipway_events` on a connection of its own. After a loss it connects again and then calls `gap`: notices
 * may have been missed, so readers must ask the register once. It also calls `gap` when it is connected first.
 * Never throws for a database that is down.
 */
export function listenToEvents(
  url: string,
  on: { notice: (notice: EventNotice) => void; gap: () => void },
): Listener {
  let closed = false;
  let client: pg.Client | null = null;
  let retry: NodeJS.Timeout | null = null;

  const connect = async (): Promise<void> => {
    const fresh = new pg.Client({
      connectionString: url,
      application_name: 'slipway-events',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    client = fresh;
    let lost = false;
    const again = (): void => {
      if (lost || closed) return;
      lost = true;
      void fresh.end().catch(() => undefined);
      retry = setTimeout(() => void connect(), retryMs);
    };
    fresh.on('error', again);
    fresh.on('end', again);
    fresh.on('notification', ({ payload }) => {
      if (payload) on.notice(JSON.parse(payload) as EventNotice);
    });
    try {
      await fresh.connect();
      await fresh.query(`listen ${eventsChannel}`);
      on.gap();
    } catch {
      again();
    }
  };

  const connecting = connect();
  return {
    async close(): Promise<void> {
      closed = true;
      if (retry) clearTimeout(retry);
      await connecting;
      await client?.end().catch(() => undefined);
    },
  };
}
