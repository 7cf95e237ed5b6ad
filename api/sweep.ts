import { failureText } from './logging.js';
import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';

const everyMs = 60_000;
const soonMs = 5_000;

/** Does again, at start and every minute, what was kept and may not have been delivered. One round at a time. */
export abstract class Sweep implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly log = new Logger(this.constructor.name);
  private timer: NodeJS.Timeout | undefined;
  private early: NodeJS.Timeout | undefined;
  private round: Promise<void> | null = null;

  /** One round; gives how many it dealt with. */
  abstract sweep(): Promise<number>;

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.go(), everyMs).unref();
    this.go();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    clearTimeout(this.early);
    await this.round;
  }

  /** Something has just failed: look again in a moment, not in a minute. */
  soon(): void {
    this.early ??= setTimeout(() => {
      this.early = undefined;
      this.go();
    }, soonMs).unref();
  }

  private go(): void {
    this.round ??= this.sweep()
      .then((count) => void (count > 0 && this.log.log(`${count} dealt with`)))
      .catch((error: unknown) => this.log.warn({ why: failureText(error) }, 'will try again'))
      .finally(() => (this.round = null));
  }
}
