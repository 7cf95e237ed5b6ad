import { describe, expect, it } from '@jest/globals';
import { demo } from '../support/demo.js';

const patienceMs = 120_000;

describe('npm run demo', () => {
  it(
    'attaches and returns a device, and proves that nothing is different afterwards',
    async () => {
      const { code, report } = await demo('simulated');
      expect(report).toMatchObject({
        on: 'simulated',
        changes: [
          { action: 'attach', ending: 'succeeded', requester: 'Requester' },
          { action: 'return', ending: 'succeeded', requester: 'Requester' },
        ],
        evidence: { equal: true },
        audit: { verified: true },
      });
      for (const { planHash, reviews } of report.changes) {
        expect(planHash).toMatch(/^[0-9a-f]{64}$/);
        expect(new Set(reviews.map(({ reviewer }) => reviewer)).size).toBe(2);
      }
      expect(code).toBe(0);
    },
    patienceMs,
  );

  it.each([
    ['dismount:before', ['undone']],
    ['attach', ['undone']],
    ['detach', ['succeeded', 'undone']],
    ['mount', ['succeeded', 'undone']],
  ])(
    '--fail %s shows the undo, and that it is proven',
    async (fault, endings) => {
      const { code, report } = await demo('simulated', '--fail', fault);
      expect(report.changes.map(({ ending }) => ending)).toEqual(endings);
      expect(report.changes.at(-1)!.steps.map(({ direction }) => direction)).toContain('undo');
      expect([code, report.evidence.equal, report.audit.verified]).toEqual([0, true, true]);
    },
    patienceMs,
  );
});
