import { spawn } from 'node:child_process';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { DemoReport } from '../../lab/demo/report.js';
import { checkout, compiled, readSetUp } from '../../stack/places.js';
import { down } from './support/lab.js';
import { patienceMs } from './support/product.js';

/** The demo as a person runs it, on the lab that it brings up itself. */
async function demo(...words: string[]): Promise<{ code: number | null; report: DemoReport; told: string }> {
  const argv = [compiled('lab/demo/main.js'), '--on', 'kvm', '--json', ...words];
  const child = spawn(readSetUp().node, argv, { cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, told] = [collect(child.stdout), collect(child.stderr)];
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (!out()) throw new Error(`the demo printed nothing, exit code ${code}: ${told()}`);
  return { code, report: JSON.parse(out()) as DemoReport, told: told() };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.on('data', (piece: Buffer) => (text += piece.toString()));
  return () => text;
}

describe('npm run demo -- --on kvm', () => {
  afterAll(() => down('default'), patienceMs);

  it(
    'attaches and returns a real device, and proves that nothing is different afterwards',
    async () => {
      const { code, report } = await demo();
      expect(report.changes.map(({ action, ending }) => [action, ending])).toEqual([
        ['attach', 'succeeded'],
        ['return', 'succeeded'],
      ]);
      for (const { requester, reviews } of report.changes) {
        expect(reviews.map(({ decision }) => decision)).toEqual(['approve', 'approve']);
        expect(new Set([requester, ...reviews.map(({ reviewer }) => reviewer)]).size).toBe(3);
      }
      expect({ code, equal: report.evidence.equal, verified: report.audit.verified }).toEqual({
        code: 0,
        equal: true,
        verified: true,
      });
      expect(report.evidence.after.every(({ command, raw }) => command !== '' && raw !== '')).toBe(true);
    },
    patienceMs,
  );

  it(
    'with the reply to the attach lost each time: undone, and proven so',
    async () => {
      const { code, report } = await demo('--fail', 'attach');
      expect(report.changes.map(({ action, ending }) => [action, ending])).toEqual([['attach', 'undone']]);
      const steps = report.changes[0]!.steps.map(({ name, direction, outcome }) => [
        direction,
        name.split(' ')[0],
        outcome,
      ]);
      expect(steps).toEqual([
        ['forward', 'dismount', 'done'],
        ['forward', 'attach', 'unknown'],
        ['undo', 'attach', 'done'],
        ['undo', 'dismount', 'done'],
      ]);
      expect({ code, equal: report.evidence.equal, verified: report.audit.verified }).toEqual({
        code: 0,
        equal: true,
        verified: true,
      });
    },
    patienceMs,
  );
});
