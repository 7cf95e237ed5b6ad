import { Injectable } from '@nestjs/common';
import { unstartedChanges } from '../../records/changes.js';
import { Register } from '../register.module.js';
import { Sweep } from '../sweep.js';
import { Starter } from './starter.service.js';

const atOnce = 50;

/** Starts the changes whose start was lost: the API died between keeping and starting, or Temporal was down. */
@Injectable()
export class Relay extends Sweep {
  constructor(
    private readonly register: Register,
    private readonly starter: Starter,
  ) {
    super();
  }

  /** One that can't be started does not stop the others. */
  async sweep(): Promise<number> {
    const waiting = await unstartedChanges(this.register.db, atOnce);
    const results = await Promise.allSettled(waiting.map((change) => this.starter.start(change)));
    const failed = results.filter((result) => result.status === 'rejected');
    if (failed.length === results.length && failed.length > 0) throw failed[0]!.reason;
    return results.length - failed.length;
  }
}
