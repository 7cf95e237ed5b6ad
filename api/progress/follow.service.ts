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
      while (stream.open) {
        const { sequence, over } = await this.tellNews(stream, changeId, last);
        last = sequence;
        if (over) break;
        await news.next();
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
  ): Promise<{ sequence: number; over: boolean }> {
    // Whether it is over is asked first: if so, no event can come after those that are read next. What is shown is read
    // last: it is never older than the events before it.
    const over = isFinal(await this.progress.state(changeId));
    const events = await this.progress.eventsAfter(changeId, last);
    for (const event of events) await stream.send(event.kind, event, event.sequence);
    if (events.length > 0 || over) {
      const live = await this.progress.live(changeId);
      await stream.send('change', live);
      if (over) await stream.send('end', { ending: live.change.ending });
    }
    return { sequence: events.at(-1)?.sequence ?? last, over };
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
