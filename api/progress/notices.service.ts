import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type Listener, listenToEvents } from '../../records/events.js';
import { Register } from '../register.module.js';

type Wake = () => void;

/** Tells who follows a change that the register has news of it: one connection that listens, however many follow. */
@Injectable()
export class Notices implements OnApplicationShutdown {
  private readonly followers = new Map<string, Set<Wake>>();
  private listener: Listener | null = null;

  constructor(private readonly register: Register) {}

  /** Calls `wake` whenever the change may have news; it must look for itself what they are. Gives the way to stop. */
  follow(changeId: string, wake: Wake): () => void {
    this.listener ??= listenToEvents(this.register.url, {
      notice: (notice) => this.wake(notice.changeId),
      // Notices may have been missed while the connection was gone.
      gap: () => [...this.followers.keys()].forEach((id) => this.wake(id)),
    });
    const following = this.followers.get(changeId) ?? new Set();
    this.followers.set(changeId, following.add(wake));
    return () => {
      following.delete(wake);
      if (following.size === 0 && this.followers.get(changeId) === following) this.followers.delete(changeId);
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.listener?.close();
  }

  private wake(changeId: string): void {
    this.followers.get(changeId)?.forEach((wake) => wake());
  }
}
