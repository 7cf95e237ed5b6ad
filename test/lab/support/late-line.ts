import { readFileSync } from 'node:fs';
import type { LabHost } from './lab-host.js';

const guard = '/usr/local/lib/slipway/slipway-guard';
const folder = '/run/late-line';

interface Answer {
  ok: boolean;
  failure?: { reason: string };
}

/**
 * Stands before the guard on the host and keeps the next order to act on its way, as a slow network would, until
 * it is let through: by then whoever sent it may be gone, paused or overtaken.
 */
export class LateLine {
  private constructor(private readonly host: LabHost) {}

  static async install(host: LabHost): Promise<LateLine> {
    const program = readFileSync(new URL('late-guard.py', import.meta.url), 'utf8');
    await host.run(`rm -rf ${folder} && mkdir ${folder} && touch ${folder}/armed`);
    await host.run(`cat > ${folder}/guard && chmod 755 ${folder}/guard`, program);
    await host.run(`cp -p ${guard} ${folder}/slipway-guard && cp -p ${folder}/guard ${guard}.late`);
    await host.run(`mv ${guard}.late ${guard}`);
    return new LateLine(host);
  }

  async holds(): Promise<boolean> {
    return (await this.host.tries(`test -e ${folder}/held`)).code === 0;
  }

  async delivers(): Promise<void> {
    await this.host.run(`touch ${folder}/go`);
  }

  /** What the guard said to the order that came late; null until it has. */
  async answer(): Promise<Answer | null> {
    const said = await this.host.run(`cat ${folder}/answer 2>/dev/null || true`);
    const result = said.split('\n').find((line) => line.includes('"event": "result"'));
    return result ? (JSON.parse(result) as Answer) : null;
  }

  async remove(): Promise<void> {
    await this.host.run(
      `touch ${folder}/go; cp -p ${folder}/slipway-guard ${guard}.own && mv ${guard}.own ${guard}`,
    );
  }
}
