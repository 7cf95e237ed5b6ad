import { Injectable, Logger } from '@nestjs/common';
import { isFinal } from '../../domain/change.js';
import { failureText } from '../logging.js';
import type { EventStream } from './event-stream.js';
import { Notices } from './notices.service.js';
import { Progress } from './progress.service.js';

/** However quiet the notices are, a follower looks for itself this often. */
const looksEveryMs = 10_000;

/** Streams a change to one reader: where it stands, then every event, until it is closed or the reader is gone. */
@Injectable()
export class Follow {
  private readonly log = new Logger(Follow.name);

  constructor(
    private readonly progress: Progress,
    private readonly notices: Notices,
  ) {}

  /** `from`: the last event the reader has; null for one who has just come and needs the whole picture. */
  async stream(stream: EventStream, changeId: string, from: number | null): Promise<void> {
    const news = new News();
    const stop = this.notices.follow(changeId, () => news.ring());
    const timer = setInterval(() => news.ring(), looksEveryMs).unref();
    void stream.closed.then(() => news.ring());
    try {
      let last = from ?? (await this.snapshot(stream, changeId));
      // Looked at once whatever the news: the change may have been closed all along.
      let told = await this.tellNews(stream, changeId, last, true);
      while (stream.open && !told.over) {
        last = told.sequence;
        await news.next();
        told = await this.tellNews(stream, changeId, last, false);
      }
    } catch (error) {
      // The reader connects again with the last id it has; the register may be back by then.
      this.log.warn({ changeId, why: failureText(error) }, 'a reader was cut off');
    } finally {
      stop();
      clearInterval(timer);
      stream.end();
    }
  }

  private async snapshot(stream: EventStream, changeId: string): Promise<number> {
    // Events first: what happens between the two reads is then told twice, and never missed.
    const sequence = (await this.progress.eventsAfter(changeId, 0)).at(-1)?.sequence ?? 0;
    await stream.send('snapshot', await this.progress.live(changeId), sequence);
    return sequence;
  }

  private async tellNews(
    stream: EventStream,
    changeId: string,
    last: number,
    always: boolean,
  ): Promise<{ sequence: number; over: boolean }> {
    let sequence = await this.tellEvents(stream, changeId, last);
    if (sequence === last && !always) return { sequence, over: false };
    // Read after the events: it is never older than they are.
    const live = await this.progress.live(changeId);
    const over = isFinal(live.change.state);
    // Nothing comes after a closed change's last event, but that one may have come since the events were read.
    if (over) sequence = await this.tellEvents(stream, changeId, sequence);
    if (sequence > last || over) await stream.send('change', live);
    if (over) await stream.send('end', { ending: live.change.ending });
    return { sequence, over };
  }

  /** Sends all events after `last`; gives the sequence of the newest. */
  private async tellEvents(stream: EventStream, changeId: string, last: number): Promise<number> {
    const events = await this.progress.eventsAfter(changeId, last);
    for (const event of events) await stream.send(event.kind, event, event.sequence);
    return events.at(-1)?.sequence ?? last;
  }
}

/** A bell: rung any number of times, it wakes its one waiter once. */
class News {
  private rung = false;
  private wake: (() => void) | null = null;

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  async next(): Promise<void> {
    if (!this.rung) await new Promise<void>((resolve) => (this.wake = resolve));
    this.rung = false;
    this.wake = null;
  }
}
