import { open } from 'node:fs/promises';
import { parseLedger } from './ledger.js';
import { type MachineHost, restoreEntities } from './state.js';
import type { WorldFile } from './world-file.js';

/**
 * A second pair of eyes: the state as the ledger file on disk tells it, never the memory that acts are made in.
 * Evidence is read here.
 */
export class Witness {
  private hosts!: MachineHost[];
  private offset = 0;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly pristine: WorldFile,
    private readonly ledgerPath: string,
  ) {
    this.setUp();
  }

  async state(hostId: string): Promise<MachineHost | undefined> {
    this.reading = this.reading.catch(() => undefined).then(() => this.readOn());
    await this.reading;
    return this.hosts.find((host) => host.id === hostId);
  }

  private async readOn(): Promise<void> {
    const file = await open(this.ledgerPath, 'r');
    try {
      const { size } = await file.stat();
      const buffer = Buffer.alloc(size - this.offset);
      await file.read(buffer, 0, buffer.length, this.offset);
      const whole = buffer.lastIndexOf('\n') + 1;
      for (const entry of parseLedger(buffer.toString('utf8', 0, whole), this.ledgerPath)) {
        if (entry.kind === 'reset') this.setUp();
        const host = this.hosts.find((one) => one.id === entry.host);
        if (host && entry.after) restoreEntities(host, entry.after);
      }
      this.offset += whole;
    } finally {
      await file.close();
    }
  }

  private setUp(): void {
    this.hosts = structuredClone(this.pristine.hosts);
  }
}
