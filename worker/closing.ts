import type { OnApplicationShutdown } from '@nestjs/common';

/** Closed only after every worker has stopped: what still runs needs them. */
export class Closing implements OnApplicationShutdown {
  constructor(private readonly resources: readonly { close(): Promise<unknown> }[]) {}

  async onApplicationShutdown(): Promise<void> {
    await Promise.allSettled(this.resources.map((resource) => resource.close()));
  }
}
