import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { unstartedChanges } from '../../records/changes.js';
import { Register } from '../register.module.js';
import { Starter } from './starter.service.js';

const everyMs = 60_000;
const atOnce = 50;

/** Starts the changes whose start was lost: the API died between keeping and starting, or Temporal was down. */
@Injectable()
export class Relay implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly log = new Logger(Relay.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly register: Register,
    private readonly starter: Starter,
  ) {}

  onApplicationBootstrap(): void {
    const look = (): void =>
      void this.startLost().catch((error: unknown) => this.log.warn({ err: error }, 'will look again'));
    this.timer = setInterval(look, everyMs).unref();
    look();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Starts what is waiting; gives how many it started. One that can't be started does not stop the others. */
  async startLost(): Promise<number> {
    const waiting = await unstartedChanges(this.register.db, atOnce);
    const results = await Promise.allSettled(waiting.map((change) => this.starter.start(change)));
    const lost = results.filter((result) => result.status === 'rejected');
    if (lost.length > 0)
      this.log.warn({ waiting: lost.length, why: String(lost[0]!.reason) }, 'changes wait to be started');
    return results.length - lost.length;
  }
}
