import { afterAll, describe, expect, it } from '@jest/globals';
import { demo } from '../support/demo.js';
import { down } from './support/lab.js';
import { patienceMs } from './support/product.js';

describe('npm run demo -- --on kvm', () => {
  afterAll(() => down('default'), patienceMs);

  it(
    'attaches and returns a real device, and proves that nothing is different afterwards',
    async () => {
      const { code, report } = await demo('kvm');
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
      const { code, report } = await demo('kvm', '--fail', 'attach');
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
