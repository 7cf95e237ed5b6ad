import { afterEach, describe, expect, it } from '@jest/globals';
import { card, device, disk, sibling } from '../domain/samples.js';
import { type Entry, type Fault, World } from '../support/workflow-driver-world.js';
import { Change, steps } from './changes.js';

afterEach(() => Change.disposeAll());

const failsToAttach = (): Fault => ({ verb: 'attach', direction: 'forward', kind: 'before', times: 1 });
const always = (fault: Partial<Fault>): Fault => ({
  direction: 'undo',
  kind: 'before',
  times: 999,
  ...fault,
});

async function failed(...faults: Fault[]): Promise<Change> {
  const change = await Change.submitted();
  await change.isApproved();
  change.world.faults.push(...faults);
  return change;
}

async function parked(...faults: Fault[]): Promise<Change> {
  const change = await failed(failsToAttach(), ...faults);
  await change.reaches('parked');
  return change.settles();
}

/** Everything was attached when the guest turned out unhealthy. */
async function unhealthy(...faults: Fault[]): Promise<Change> {
  const change = await failed(...faults);
  change.world.guest = [{ reason: 'guest-unhealthy', message: 'no driver' }];
  await change.reaches('parked');
  return change.settles();
}

function kinds(ledger: readonly Entry[]): string[] {
  return ledger.map((one) => (one.kind === 'act' ? one.direction : one.kind));
}

describe('undo', () => {
  it('raises the epoch before its first act, so that no late worker acts after it', async () => {
    const change = await failed(failsToAttach());
    await change.ends();
    const all = kinds(change.world.ledger);
    expect(all.indexOf('raised')).toBeGreaterThan(all.lastIndexOf('forward'));
    expect(all.indexOf('raised')).toBeLessThan(all.indexOf('undo'));
  });

  it('frees nothing before it is proven, and everything after', async () => {
    const change = await failed(failsToAttach());
    await change.ends();
    const all = kinds(change.world.ledger);
    expect(all.indexOf('released')).toBeGreaterThan(all.indexOf('proof'));
    expect(all.indexOf('proof')).toBeGreaterThan(all.lastIndexOf('undo'));
    expect(change.world.claims.size).toBe(0);
  });

  it('is not proven while before and after differ, although every inverse succeeded', async () => {
    const change = await failed(failsToAttach());
    change.world.during = ({ direction }) => {
      if (direction === 'undo') change.world.vm.power = 'paused';
    };
    await change.reaches('parked');
    expect(change.world.lastTold().failures).toMatchObject([
      { reason: 'act-refused' },
      {
        reason: 'act-without-effect',
        expected: 'as before',
        actual: 'vm voip-gateway power: running → paused',
      },
    ]);
  });

  it('that can’t give a device back to the host parks the change with the exact half-state', async () => {
    const change = await parked(always({ verb: 'mount' }));
    const told = change.world.lastTold();
    expect(told.halfState).toMatchObject({
      branches: [
        { branch: 'host', unit: 'u', stoppedAt: steps.dismountSibling, failure: { reason: 'act-refused' } },
        { branch: 'host', unit: 'u', stoppedAt: steps.dismountCard },
      ],
      commands: [
        { step: steps.dismountSibling, commands: [{ tool: 'simctl', argv: [steps.mountSibling] }] },
        { step: steps.dismountCard, commands: [{ tool: 'simctl', argv: [steps.mountCard] }] },
      ],
    });
    expect(change.driver.searchAttributes).toMatchObject({ SlipwayNeedsHuman: true });
  });

  it('does not give a device to the host whose VM may still have its unit', async () => {
    const change = await unhealthy(always({ verb: 'detach' }));
    expect(change.acts).not.toContain(steps.mountCard);
    const { halfState } = change.world.lastTold();
    expect(halfState?.branches.map(({ stoppedAt }) => stoppedAt)).toEqual([steps.attachSibling]);
    expect(halfState?.commands.map(({ step }) => step)).toEqual([
      ...[steps.attachSibling, steps.attachCard, steps.dismountSibling, steps.dismountCard],
    ]);
  });

  it('waits for a host that reboots, and proves the undo when it is back', async () => {
    const change = await failed(failsToAttach());
    await change.reaches('undoing');
    change.world.hostAway = true;
    await change.driver.advance(10 * 60_000);
    expect(change.world.lastTold()).toMatchObject({
      state: 'undoing',
      waitingFor: expect.stringContaining('does not answer'),
    });
    change.world.hostAway = false;
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
  });

  it('parks when the host stays away, for nobody knows what it holds', async () => {
    const change = await failed(failsToAttach());
    await change.reaches('undoing');
    change.world.hostAway = true;
    await change.reaches('parked');
    await change.settles();
    expect(change.world.lastTold().failures).toContainEqual(
      expect.objectContaining({ reason: 'host-unreachable' }),
    );
    expect(change.world.quarantines.size).toBeGreaterThan(0);
  });

  it('makes the VM whole although the host can’t take its device back', async () => {
    const world = new World();
    world.vm.freePorts = 0;
    const change = await Change.submitted({}, { world });
    world.faults.push(always({ verb: 'mount' }));
    world.guest = [{ reason: 'guest-unhealthy', message: 'no driver' }];
    await change.isApproved();
    await change.reaches('parked');
    expect(world.vm.power).toBe('running');
    expect(change.acts.at(-1)).toBe(steps.resume);
    expect(world.deviceAt(card).holder.kind).toBe('nobody');
  });

  it('brings back the power that an escalation cut, although the host can’t take its device back', async () => {
    const change = await failed(always({ verb: 'mount' }));
    change.world.deaf = true;
    change.world.guest = [{ reason: 'guest-unhealthy', message: 'no driver' }];
    await change.reaches('parked');
    expect(change.acts).toContain(steps.quiesce);
    expect(change.world.vm.power).toBe('running');
  });

  it('leaves the power off while the VM may have a device, and says so with what to type', async () => {
    const change = await failed();
    change.world.deaf = true;
    change.world.guest = [{ reason: 'guest-unhealthy', message: 'no driver' }];
    change.world.during = ({ act }) => {
      if (act.verb === 'quiesce') change.world.faults.push(always({ verb: 'detach' }));
    };
    await change.reaches('parked');
    expect(change.world.vm.power).toBe('off');
    expect(change.world.lastTold().halfState?.commands).toContainEqual({
      step: 'restore the power of voip-gateway',
      commands: [{ tool: 'simctl', argv: [steps.resume] }],
    });
  });

  it('does not let one unit’s trouble hold up another unit', async () => {
    const world = new World([device(card), device(disk)]);
    const both = [card, disk].map((address) => ({ address, mode: 'pci' as const }));
    const change = await Change.submitted({ devices: both }, { world });
    world.guest = [{ reason: 'guest-unhealthy', message: 'no driver' }];
    // Last first: the disk is the first to be detached, and it can't be.
    world.faults.push({ verb: 'detach', direction: 'undo', kind: 'before', times: 1 });
    await change.isApproved();
    await change.reaches('parked');
    expect(world.deviceAt(disk).holder.kind).toBe('vm');
    expect(world.deviceAt(card).holder).toEqual({ kind: 'host', driver: 'nvme' });
  });

  it('whose claims are lost with the register gets them back, and is proven', async () => {
    const change = await failed(failsToAttach());
    await change.reaches('running');
    change.world.claims.clear();
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
    expect(change.world.claims.size).toBe(0);
  });

  it('whose claims somebody else has touches nothing and parks', async () => {
    const change = await failed(failsToAttach());
    await change.reaches('running');
    for (const key of change.world.claims.keys()) change.world.claims.set(key, 'change-2');
    await change.reaches('parked');
    const acts = kinds(change.world.ledger).filter((kind) => kind === 'undo');
    expect(acts).toEqual([]);
    expect(change.world.lastTold().failures).toContainEqual(
      expect.objectContaining({ reason: 'stale-epoch' }),
    );
    expect(change.world.lastTold().halfState?.commands).toHaveLength(3);
  });
});

describe('a parked change', () => {
  it('keeps its claims and puts its devices in quarantine, the VM left usable', async () => {
    const change = await parked(always({ verb: 'mount' }));
    expect([...change.world.claims.values()]).toEqual(['change-1', 'change-1', 'change-1']);
    expect([...change.world.quarantines.keys()]).toEqual([
      `device/machine-a/${card}`,
      `device/machine-a/${sibling}`,
    ]);
    await change.driver.advance(60 * 24 * 3_600_000);
    expect(change.driver.closed).toBe(false);
    expect(kinds(change.world.ledger)).not.toContain('released');
  });

  it('resolved by undo tries the inverses again and ends proven', async () => {
    const change = await parked(always({ verb: 'mount' }));
    change.world.faults = [];
    await change.resolve('undo');
    expect(await change.ends()).toMatchObject({
      ending: 'undone',
      restored: true,
      failure: { reason: 'act-refused' },
    });
    expect(change.world.quarantines.size).toBe(0);
  });

  it('resolved by undo parks again while it still can’t be proven', async () => {
    const change = await parked(always({ verb: 'mount' }));
    await change.resolve('undo');
    expect(change.state).toBe('parked');
    expect(change.world.quarantines.size).toBe(2);
    expect(change.world.claims.size).toBe(3);
  });

  it('resolved by retry does the remaining steps as a new try, and succeeds', async () => {
    const change = await parked(always({ verb: 'mount' }));
    change.world.faults = [];
    await change.resolve('retry');
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    const keys = change.world.ledger.flatMap((one) =>
      one.kind === 'act' && one.effect === 'done' ? [one.key] : [],
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('resolved by retry, after some steps were proven back, does those again', async () => {
    const change = await unhealthy(always({ verb: 'mount' }));
    change.world.faults = [];
    change.world.guest = [];
    await change.resolve('retry');
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.world.deviceAt(card).holder.kind).toBe('vm');
    expect(change.world.deviceAt(sibling).holder.kind).toBe('vm');
  });

  it('resolved by retry parks again when what was done no longer stands, and keeps the first cause', async () => {
    const change = await unhealthy(always({ verb: 'detach' }));
    change.world.faults = [];
    change.world.deviceAt(card).holder = { kind: 'host', driver: 'nvme' };
    await change.resolve('retry');
    expect(change.state).toBe('parked');
    expect(change.world.lastTold().failures?.map(({ reason }) => reason)).toEqual([
      ...['guest-unhealthy', 'plan-changed', 'plan-changed', 'act-refused'],
    ]);
    change.world.deviceAt(card).holder = { kind: 'vm', vm: 'voip-gateway' };
    await change.resolve('undo');
    expect(await change.ends()).toMatchObject({ ending: 'undone', failure: { reason: 'guest-unhealthy' } });
  });

  it('is not resolved by retry outside the window', async () => {
    const window = { from: '2026-11-22T11:00:00Z', to: '2026-11-22T14:00:00Z' };
    const change = await Change.submitted({ window });
    change.world.faults.push(failsToAttach(), always({ verb: 'mount' }));
    await change.isApproved();
    await change.reaches('parked');
    await change.driver.advance(4 * 3_600_000);
    change.world.faults = [];
    await change.resolve('retry');
    expect(change.state).toBe('parked');
    expect(change.world.lastTold().failures?.map(({ reason }) => reason)).toContain('window-closed');
    await change.resolve('undo');
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
  });

  it('resolved by skip leaves out what a hand has done, does the rest, and is proven by comparing', async () => {
    const change = await unhealthy(always({ verb: 'detach' }));
    change.world.faults = [];
    change.world.deviceAt(sibling).holder = { kind: 'nobody', driver: 'vfio-pci' };
    await change.resolve('skip', 'operator-2');
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
    const detached = change.world.ledger.filter(
      (one) => one.kind === 'act' && one.name === steps.detachSibling,
    );
    expect(detached.map((one) => one.kind === 'act' && one.effect)).toEqual(['refused']);
  });

  it('resolved by skip claims no proof where there is none: the device stays where the VM has it', async () => {
    const change = await unhealthy(always({ verb: 'detach' }));
    await change.resolve('skip', 'operator-2');
    expect(change.state).toBe('parked');
    expect(change.acts).not.toContain(steps.mountSibling);
    await change.resolve('accept', 'operator-2');
    expect(await change.ends()).toMatchObject({ ending: 'closed-by-operator' });
  });

  it('resolved by accept frees everything, and never says that it was restored', async () => {
    const change = await parked(always({ verb: 'mount' }));
    await change.resolve('accept', 'operator-2');
    const result = await change.ends();
    expect(result).toMatchObject({ ending: 'closed-by-operator' });
    expect(result.restored).toBeUndefined();
    expect(change.world.claims.size).toBe(0);
  });

  it.each(['accept', 'skip'] as const)(
    'is resolved by %s only with a second, different person',
    async (resolution) => {
      const change = await parked(always({ verb: 'mount' }));
      for (const second of [undefined, 'operator-1']) {
        expect(await change.resolve(resolution, second)).toMatchObject({
          accepted: false,
          rejection: { type: 'slipway/second-person-needed' },
        });
      }
      expect(change.state).toBe('parked');
    },
  );

  it('takes one resolution at a time: a second one was meant for a half-state that is gone', async () => {
    const change = await parked(always({ verb: 'mount' }));
    const before = change.driver.updates.size;
    const [first, second] = [
      change.slipsInResolution('undo'),
      change.slipsInResolution('accept', 'operator-2'),
    ];
    await change.driver.settle();
    expect(change.driver.updates.size).toBe(before + 2);
    expect(first).toMatchObject({ accepted: true });
    expect(second).toMatchObject({ accepted: false, rejection: { type: 'slipway/not-now' } });
    expect(change.state).toBe('parked');
  });

  it('is not freed by a cancel in Temporal', async () => {
    const change = await parked(always({ verb: 'mount' }));
    change.driver.cancel();
    await change.driver.advance(24 * 3_600_000);
    expect(change.state).toBe('parked');
    expect(change.world.claims.size).toBe(3);
  });

  it('retried after a cancel goes forward: the operator’s word is the newer one', async () => {
    const change = await Change.submitted();
    change.world.faults.push(always({ verb: 'mount' }));
    change.world.during = ({ act }) => {
      if (act.verb === 'attach') change.slipsIn('cancel');
    };
    await change.isApproved();
    await change.reaches('parked');
    change.world.during = () => undefined;
    change.world.faults = [];
    await change.resolve('retry');
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });
});
