import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { auditEvents } from '../../records/audit.js';
import { claim, raiseEpoch, releaseClaims } from '../../records/claims.js';
import { inRegister } from '../../records/database.js';
import { beginStep, endStep, listSteps } from '../../records/steps.js';
import { recordProgress } from '../../records/progress.js';
import { RecordMissing } from '../../records/missing.js';
import { freshRegister, lockWaiters, type TestRegister } from '../support/postgres.js';
import { deviceKey, end, fact, intent, later, progress, ran, storeChanges, vmKey } from './samples.js';

let register: TestRegister;
beforeAll(async () => {
  register = await freshRegister();
});
afterAll(() => register.close());

let change = '';
let epoch = 0;
let count = 0;
beforeEach(async () => {
  change = `step-${(count += 1)}`;
  await storeChanges(register.db, change);
  const answer = await claim(register.db, { changeId: change, keys: [deviceKey, vmKey] });
  if (!answer.granted) throw new Error('the test before kept its claim');
  epoch = answer.epoch;
  await recordProgress(register.db, progress(change, 1, { state: 'running' }));
});
afterEach(() => releaseClaims(register.db, change));

async function kinds(): Promise<string[]> {
  const { items } = await auditEvents(register.db, { changeId: change, limit: 50 });
  return items.map((event) => event.kind).filter((kind) => kind.startsWith('step.'));
}

describe('the intent of a step', () => {
  it('is refused and leaves no trace when its epoch was raised meanwhile', async () => {
    const raised = await raiseEpoch(register.db, change);
    const stale = beginStep(register.db, intent(change, epoch));
    await expect(stale).rejects.toMatchObject({
      failure: { reason: 'stale-epoch', expected: `epoch ${epoch} of change ${change} on ${deviceKey}` },
    });
    expect(await listSteps(register.db, change)).toEqual([]);
    expect(await kinds()).toEqual([]);
    await beginStep(register.db, intent(change, raised));
  });

  it('is refused after the release, also when another change holds the device by then', async () => {
    await releaseClaims(register.db, change);
    const free = beginStep(register.db, intent(change, epoch));
    await expect(free).rejects.toMatchObject({ failure: { reason: 'stale-epoch', actual: 'no claim' } });
    await storeChanges(register.db, `${change}-next`);
    await claim(register.db, { changeId: `${change}-next`, keys: [deviceKey] });
    const taken = beginStep(register.db, intent(change, epoch));
    await expect(taken).rejects.toMatchObject({ failure: { reason: 'stale-epoch' } });
    await releaseClaims(register.db, `${change}-next`);
  });

  it('is refused for a key that was never claimed', async () => {
    const keys = [deviceKey, 'device/identity-1/0000:99:00.0'];
    const step = beginStep(register.db, intent(change, epoch, { keys }));
    await expect(step).rejects.toMatchObject({ failure: { reason: 'stale-epoch' } });
  });

  it('keeps the epoch from being raised between the check and the intent', async () => {
    let raised: Promise<number> | undefined;
    let raisedYet = false;
    await inRegister(register.db, async (trx) => {
      await beginStep(trx, intent(change, epoch));
      raised = raiseEpoch(register.db, change).finally(() => (raisedYet = true));
      await lockWaiters(register.owner, 1);
      expect(raisedYet).toBe(false);
    });
    await raised;
    expect(await kinds()).toEqual(['step.intent']);
  });

  it('is refused when it comes while the epoch is being raised', async () => {
    let intended: Promise<unknown> | undefined;
    await inRegister(register.db, async (trx) => {
      await raiseEpoch(trx, change);
      intended = beginStep(register.db, intent(change, epoch)).catch((error: unknown) => error);
      await lockWaiters(register.owner, 1);
    });
    expect(await intended).toMatchObject({ failure: { reason: 'stale-epoch' } });
    expect(await kinds()).toEqual([]);
  });

  it('is written once however often it is repeated', async () => {
    await Promise.all(Array.from({ length: 5 }, () => beginStep(register.db, intent(change, epoch))));
    expect(await kinds()).toEqual(['step.intent']);
    expect(await listSteps(register.db, change)).toMatchObject([
      { attempts: 1, outcome: null, endedAt: null },
    ]);
  });
});

describe('the outcome of a step', () => {
  it('is told with its attempts, the first state before and the newest after', async () => {
    await beginStep(register.db, intent(change, epoch));
    await endStep(register.db, end(change, epoch, { outcome: 'unknown', after: [], ran: [ran('one')] }));
    await beginStep(register.db, intent(change, epoch, { attempt: 2, at: later(10) }));
    expect(await listSteps(register.db, change)).toMatchObject([
      { attempts: 2, outcome: null, endedAt: null },
    ]);
    const second = {
      attempt: 2,
      outcome: 'already' as const,
      before: [fact('driver', 'vfio-pci')],
      at: later(12),
    };
    await endStep(register.db, end(change, epoch, second));
    expect(await listSteps(register.db, change)).toMatchObject([
      {
        name: 'dismount 0000:02:00.0',
        direction: 'forward',
        attempts: 2,
        outcome: 'already',
        endedAt: later(12),
        evidence: {
          before: [fact('driver', 'e1000e')],
          after: [fact('driver', 'vfio-pci')],
          ran: [{ stdout: 'one' }],
        },
      },
    ]);
    expect(await kinds()).toEqual(['step.intent', 'step.outcome', 'step.intent', 'step.outcome']);
  });

  it('is unknown when the change has gone on without it, and still told should it come after all', async () => {
    await beginStep(register.db, intent(change, epoch));
    await recordProgress(register.db, progress(change, 2, { state: 'parked' }));
    expect(await listSteps(register.db, change)).toMatchObject([{ outcome: 'unknown', endedAt: null }]);
    await endStep(register.db, end(change, epoch));
    expect(await listSteps(register.db, change)).toMatchObject([{ outcome: 'done' }]);
  });

  it('is recorded although the epoch has been raised meanwhile: it did happen', async () => {
    await beginStep(register.db, intent(change, epoch));
    await raiseEpoch(register.db, change);
    await endStep(register.db, end(change, epoch));
    expect(await listSteps(register.db, change)).toMatchObject([{ outcome: 'done' }]);
  });

  it('stays what it was first when it is told again', async () => {
    await beginStep(register.db, intent(change, epoch));
    await endStep(register.db, end(change, epoch));
    await endStep(register.db, end(change, epoch, { outcome: 'failed' }));
    expect(await listSteps(register.db, change)).toMatchObject([{ outcome: 'done' }]);
    expect(await kinds()).toEqual(['step.intent', 'step.outcome']);
  });

  it('is refused without an intent', async () => {
    await expect(endStep(register.db, end(change, epoch))).rejects.toThrow(RecordMissing);
    expect(await kinds()).toEqual([]);
  });

  it('survives what tools print: NUL, half a surrogate pair, a megabyte', async () => {
    await beginStep(register.db, intent(change, epoch));
    const raw = `\0\ud800${'x'.repeat(1024 * 1024)}`;
    await endStep(
      register.db,
      end(change, epoch, { after: [fact('driver', 'a\0b\udfff', raw)], ran: [ran(raw)] }),
    );
    const [step] = await listSteps(register.db, change);
    expect(step?.evidence.after[0]?.value).toBe('a\0b\ufffd');
    expect(step?.evidence.ran[0]?.stdout.length).toBeLessThan(20_000);
    expect(step?.evidence.ran[0]?.stdout).toMatch(/… \(\d+ more characters\)$/);
    expect(await kinds()).toEqual(['step.intent', 'step.outcome']);
  });
});
