import { afterEach, describe, expect, it } from '@jest/globals';
import { Verb } from '../../domain/act.js';
import type { Reason } from '../../domain/failures.js';
import { card, vmName } from '../domain/samples.js';
import { World } from '../support/workflow-driver-world.js';
import { attachedWorld, Change, steps } from './changes.js';

afterEach(() => Change.disposeAll());

const verbs = [Verb.dismount, Verb.attach] as const;

async function attaching(world = new World()): Promise<Change> {
  const change = await Change.submitted({}, { world });
  return change.isApproved();
}

function cold(): World {
  const world = new World();
  world.vm.freePorts = 0;
  return world;
}

function attempts(change: Change): string[] {
  return change.world.ledger.flatMap((one) => (one.kind === 'act' ? [`${one.direction} ${one.name}`] : []));
}

describe('a step that fails', () => {
  it.each([
    [Verb.quiesce, []],
    [Verb.dismount, [steps.quiesce, steps.resume]],
    [
      Verb.attach,
      [
        steps.quiesce,
        steps.dismountCard,
        steps.dismountSibling,
        steps.mountSibling,
        steps.mountCard,
        steps.resume,
      ],
    ],
    [
      Verb.resume,
      [
        ...[steps.quiesce, steps.dismountCard, steps.dismountSibling, steps.attachCard, steps.attachSibling],
        ...[steps.detachSibling, steps.detachCard, steps.mountSibling, steps.mountCard, steps.resume],
      ],
    ],
  ] as const)('at %s undoes what was done before it, and the VM has its power again', async (verb, acts) => {
    const change = await attaching(cold());
    const before = change.world.facts();
    change.world.faults.push({ verb, direction: 'forward', kind: 'before', times: 3 });
    expect(await change.ends()).toMatchObject({
      ending: 'undone',
      restored: true,
      failure: { reason: 'act-refused' },
    });
    expect(change.acts).toEqual(acts);
    expect(change.world.facts()).toEqual(before);
    expect(change.world.vm.power).toBe('running');
  });

  it('for good is not tried again', async () => {
    const change = await attaching();
    change.world.faults.push({
      verb: 'attach',
      direction: 'forward',
      kind: 'before',
      reason: 'unit-not-viable',
      times: 9,
    });
    await change.ends();
    expect(attempts(change).filter((one) => one === `forward ${steps.attachCard}`)).toHaveLength(1);
  });

  it.each(['guard-busy', 'host-unreachable', 'outcome-unknown'] as Reason[])(
    'for a passing reason (%s) is tried three times under one name before anything is undone',
    async (reason) => {
      const change = await attaching();
      change.world.faults.push({ verb: 'attach', direction: 'forward', kind: 'before', reason, times: 2 });
      expect(await change.ends()).toEqual({ ending: 'succeeded' });
      const keys = change.world.ledger.flatMap((one) =>
        one.kind === 'act' && one.name === steps.attachCard ? [one.key] : [],
      );
      expect(keys).toHaveLength(3);
      expect(new Set(keys).size).toBe(1);
    },
  );
});

describe('an outcome nobody knows', () => {
  it.each(verbs)('is found already done by the next try, when the answer of %s was lost', async (verb) => {
    const change = await attaching();
    change.world.faults.push({ verb, direction: 'forward', kind: 'lost-after', times: 1 });
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    const counts = change.acts.filter((name) => name === `${verb} ${card}`);
    expect(counts).toHaveLength(1);
  });

  it.each(verbs)('is looked at before anything is decided, when every answer of %s is lost', async (verb) => {
    const change = await attaching();
    const before = change.world.facts();
    change.world.faults.push({ verb, direction: 'forward', kind: 'lost-after', times: 3 });
    expect(await change.ends()).toMatchObject({
      ending: 'undone',
      restored: true,
      failure: { reason: 'outcome-unknown', where: { host: 'kvm-01' }, actual: 'observed: it has happened' },
    });
    expect(change.world.facts()).toEqual(before);
    const kinds = change.world.ledger.map((one) => (one.kind === 'act' ? `${one.direction}` : one.kind));
    expect(kinds.indexOf('look')).toBeLessThan(kinds.indexOf('undo'));
  });

  it('says so when the look tells that it has not happened', async () => {
    const change = await attaching();
    change.world.faults.push({ verb: 'attach', direction: 'forward', kind: 'lost-before', times: 3 });
    expect(await change.ends()).toMatchObject({
      failure: {
        reason: 'outcome-unknown',
        expected: steps.attachCard,
        actual: 'observed: it has not happened',
      },
    });
  });

  it('of an inverse is found already undone by the next try', async () => {
    const change = await attaching();
    change.world.faults.push({ verb: 'attach', direction: 'forward', kind: 'before', times: 1 });
    change.world.faults.push({ verb: 'mount', direction: 'undo', kind: 'lost-after', times: 2 });
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
  });
});

describe('a site that no worker serves', () => {
  it('stalls the change in front of a step, tells the operators and fails nothing', async () => {
    let served = true;
    const change = await Change.submitted({}, { served: (queue) => queue === 'slipway' || served });
    change.world.during = () => (served = false);
    await change.isApproved();
    await change.driver.advance(6 * 3_600_000);
    expect(change.world.lastTold()).toMatchObject({
      state: 'running',
      waitingFor: expect.stringContaining('No worker serves this site'),
    });
    expect(change.acts).toEqual([steps.dismountCard]);
    change.world.during = () => undefined;
    served = true;
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.acts).toHaveLength(4);
  });

  it('is waited for by an undo as long as it takes', async () => {
    let served = true;
    const change = await Change.submitted({}, { served: (queue) => queue === 'slipway' || served });
    change.world.faults.push({ verb: 'attach', direction: 'forward', kind: 'before', times: 1 });
    await change.isApproved();
    await change.reaches('undoing');
    served = false;
    await change.driver.advance(10 * 24 * 3_600_000);
    expect(change.state).toBe('undoing');
    served = true;
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
  });

  it('is waited for by the verification', async () => {
    let served = true;
    const change = await Change.submitted({}, { served: (queue) => queue === 'slipway' || served });
    await change.isApproved();
    await change.reaches('verifying');
    served = false;
    await change.driver.advance(3_600_000);
    expect(change.state).toBe('verifying');
    served = true;
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
  });

  it('is waited for by the comparison that proves an undo', async () => {
    let served = true;
    const change = await Change.submitted({}, { served: (queue) => queue === 'slipway' || served });
    change.world.faults.push({ verb: 'attach', direction: 'forward', kind: 'before', times: 1 });
    change.world.during = ({ act }) => {
      if (act.verb === 'mount' && act.device?.address === card) served = false;
    };
    await change.isApproved();
    await change.reaches('undoing');
    await change.driver.advance(3_600_000);
    expect(change.state).toBe('undoing');
    served = true;
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
  });
});

describe('a register that is down', () => {
  it.each(['dismount', 'attach'] as const)(
    'in the middle of %s makes the change wait and fails nothing',
    async (verb) => {
      const change = await attaching();
      change.world.during = ({ act }) => {
        if (act.verb === verb) change.world.registerDown = true;
      };
      await change.driver.advance(2 * 3_600_000);
      expect(change.driver.closed).toBe(false);
      expect(change.acts.at(-1)).toBe(`${verb} ${card}`);
      change.world.during = () => undefined;
      change.world.registerDown = false;
      expect(await change.ends()).toEqual({ ending: 'succeeded' });
    },
  );

  it('in the middle of an undo makes it wait and parks nothing', async () => {
    const change = await attaching();
    change.world.faults.push({ verb: 'attach', direction: 'forward', kind: 'before', times: 1 });
    change.world.during = ({ direction }) => {
      if (direction === 'undo') change.world.registerDown = true;
    };
    await change.driver.advance(2 * 3_600_000);
    change.world.during = () => undefined;
    change.world.registerDown = false;
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
    expect(change.states).not.toContain('parked');
  });

  it('when the change ends makes it wait with its claims, not forget them', async () => {
    const change = await attaching();
    await change.reaches('verifying');
    change.world.registerDown = true;
    await change.driver.advance(2 * 3_600_000);
    expect(change.driver.closed).toBe(false);
    expect(change.world.claims.size).toBe(3);
    change.world.registerDown = false;
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.world.claims.size).toBe(0);
  });
});

describe('a guest that does not let go', () => {
  it('on return has its power cut as reviewed, and is brought back before the host gets the device', async () => {
    const world = attachedWorld();
    world.deaf = true;
    const change = await Change.submitted({ action: 'return', powerOff: 'allowed' }, { world });
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.acts).toEqual([
      ...[steps.quiesce, steps.detachCard, steps.detachSibling],
      ...[steps.resume, steps.mountCard, steps.mountSibling],
    ]);
    expect(world.vm.power).toBe('running');
  });

  it('on return is not cut when the request forbids it: everything is as before', async () => {
    const world = attachedWorld();
    world.deaf = true;
    const change = await Change.submitted({ action: 'return', powerOff: 'never' }, { world });
    await change.isApproved();
    expect(await change.ends()).toMatchObject({ ending: 'undone', failure: { reason: 'detach-pending' } });
    expect(change.acts).toEqual([]);
    expect(world.deviceAt(card).holder).toEqual({ kind: 'vm', vm: vmName });
  });

  it('on the undo of an attach has its power cut and gets it back', async () => {
    const change = await attaching();
    const before = change.world.facts();
    change.world.deaf = true;
    change.world.guest = [{ reason: 'guest-unhealthy', message: 'no driver' }];
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
    expect(change.acts.slice(4)).toEqual([
      ...[steps.quiesce, steps.detachSibling, steps.detachCard],
      ...[steps.mountSibling, steps.mountCard, steps.resume],
    ]);
    expect(change.world.facts()).toEqual(before);
  });

  it('that answered late is not cut: its device is gone by the next try', async () => {
    const world = attachedWorld();
    world.deaf = true;
    const change = await Change.submitted({ action: 'return', powerOff: 'allowed' }, { world });
    await change.isApproved();
    await change.reaches('running');
    await change.driver.step();
    world.deaf = false;
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.acts).not.toContain(steps.quiesce);
  });

  it('whose return fails after its power was cut is running again, with its devices', async () => {
    const world = attachedWorld();
    world.deaf = true;
    const change = await Change.submitted({ action: 'return', powerOff: 'allowed' }, { world });
    const before = world.facts();
    world.faults.push({
      verb: 'detach',
      direction: 'forward',
      kind: 'before',
      reason: 'detach-pending',
      times: 3,
    });
    world.faults.push({
      verb: 'detach',
      direction: 'forward',
      kind: 'after',
      reason: 'act-refused',
      times: 1,
    });
    await change.isApproved();
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
    expect(world.facts()).toEqual(before);
    expect(world.vm.power).toBe('running');
  });

  it('whose return fails at the host’s side is not powered off a second time', async () => {
    const world = attachedWorld();
    world.deaf = true;
    const change = await Change.submitted({ action: 'return', powerOff: 'allowed' }, { world });
    world.faults.push({ verb: 'mount', direction: 'forward', kind: 'before', times: 1 });
    await change.isApproved();
    expect(await change.ends()).toMatchObject({ ending: 'undone', restored: true });
    expect(change.acts.filter((name) => name === steps.quiesce)).toHaveLength(1);
  });
});

describe('the proof', () => {
  it('that the goal is reached is made under a new epoch: no late worker can disturb it', async () => {
    const change = await attaching();
    await change.ends();
    const acted = change.world.ledger.flatMap((one) => (one.kind === 'act' ? [one.epoch] : []));
    const raised = change.world.ledger.flatMap((one) => (one.kind === 'raised' ? [one.epoch] : []));
    expect(raised[0]).toBeGreaterThan(Math.max(...acted));
    const kinds = change.world.ledger.map(({ kind }) => kind);
    expect(kinds.lastIndexOf('act')).toBeLessThan(kinds.indexOf('raised'));
    expect(kinds.indexOf('raised')).toBeLessThan(kinds.indexOf('proof'));
    expect(kinds.indexOf('proof')).toBeLessThan(kinds.indexOf('released'));
  });

  it('fails when an act reports success and the state is not there', async () => {
    const change = await attaching();
    change.world.during = ({ act, direction }) => {
      if (act.verb === 'attach' && direction === 'forward') {
        change.world.deviceAt(act.device!.address).holder = { kind: 'nobody', driver: 'vfio-pci' };
      }
    };
    expect(await change.ends()).toMatchObject({
      ending: 'undone',
      failure: { reason: 'act-without-effect' },
    });
  });

  it('fails when the VM does not run any more', async () => {
    const change = await attaching();
    await change.reaches('verifying');
    change.world.vm.power = 'crashed';
    await change.reaches('parked');
    expect(change.world.lastTold().failures).toMatchObject([
      { reason: 'power-state-unreached' },
      { reason: 'act-without-effect' },
    ]);
  });
});
