import type { Response } from 'express';

const heartbeatMs = 15_000;
const retryMs = 1_000;

/** Server-sent events on one response: numbered events, and comments in between so that nobody takes the silence for death. */
export class EventStream {
  private readonly heartbeat: NodeJS.Timeout;
  readonly closed: Promise<void>;

  /** `until`: when the reader's token ends, and the stream with it; whoever has a new one goes on from the last id. */
  constructor(
    private readonly response: Response,
    until: number,
  ) {
    response.status(200);
    response.setHeader('content-type', 'text/event-stream; charset=utf-8');
    response.setHeader('cache-control', 'no-store, no-transform');
    response.setHeader('x-accel-buffering', 'no');
    response.flushHeaders();
    response.write(`retry: ${retryMs}\n\n`);
    this.heartbeat = setInterval(() => this.response.write(': alive\n\n'), heartbeatMs).unref();
    this.closed = new Promise((resolve) => response.once('close', resolve));
    // Timers take 32 bits: a token that holds for weeks is not watched to its end.
    const expiry = setTimeout(() => this.end(), Math.min(until - Date.now(), 2 ** 31 - 1)).unref();
    void this.closed.then(() => {
      clearInterval(this.heartbeat);
      clearTimeout(expiry);
    });
  }

  get open(): boolean {
    return !this.response.writableEnded && !this.response.destroyed;
  }

  /** `id` is what a reader who lost the connection sends back as Last-Event-ID. Waits while the reader is slow. */
  async send(event: string, data: unknown, id?: number): Promise<void> {
    if (!this.open) return;
    const lines = [
      ...(id === undefined ? [] : [`id: ${id}`]),
      `event: ${event}`,
      `data: ${JSON.stringify(data)}`,
    ];
    if (this.response.write(`${lines.join('\n')}\n\n`)) return;
    await Promise.race([this.closed, new Promise((resolve) => this.response.once('drain', resolve))]);
  }

  end(): void {
    if (this.open) this.response.end();
  }
}
