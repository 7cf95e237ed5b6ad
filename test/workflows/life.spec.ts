import { afterEach, describe, expect, it } from '@jest/globals';
import { failure } from '../../domain/failures.js';
import { card, device, disk, sibling } from '../domain/samples.js';
import { World } from '../support/workflow-driver-world.js';
import { attachedWorld, Change, steps } from './changes.js';

afterEach(() => Change.disposeAll());

describe('the life of a change', () => {
  it('goes through its states to succeeded, and the steps run in the plan’s order', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.states).toEqual(['awaiting-review', 'gate', 'running', 'verifying', 'closed']);
    expect(change.acts).toEqual([
      steps.dismountCard,
      steps.dismountSibling,
      steps.attachCard,
      steps.attachSibling,
    ]);
    expect(change.world.vm.power).toBe('running');
    expect(change.world.claims.size).toBe(0);
  });

  it('of a return ends with the original driver and forgets where the device came from', async () => {
    const world = attachedWorld();
    const change = await Change.submitted({ action: 'return', powerOff: 'never' }, { world });
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.acts).toEqual([steps.detachCard, steps.detachSibling, steps.mountCard, steps.mountSibling]);
    expect(world.deviceAt(card).holder).toEqual({ kind: 'host', driver: 'nvme' });
    expect(world.origins.size).toBe(0);
  });

  it('of an attach keeps where the device came from, for its return', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    await change.ends();
    expect([...change.world.origins.keys()]).toEqual([card, sibling]);
  });

  it('cold cycles the VM once and leaves it running', async () => {
    const world = new World();
    world.vm.freePorts = 0;
    const change = await Change.submitted({}, { world });
    await change.isApproved();
    expect(await change.ends()).toEqual({ ending: 'succeeded' });
    expect(change.acts.at(0)).toBe(steps.quiesce);
    expect(change.acts.at(-1)).toBe(steps.resume);
    expect(world.vm.power).toBe('running');
  });

  it('records who waits for what it frees, and wakes them', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    change.world.line.add('change-2');
    await change.ends();
    expect(change.woken).toEqual(['claimsFreed to change/change-2']);
  });

  it('tells Temporal’s own pages the state, and whether a person is needed', async () => {
    const change = await Change.submitted();
    await change.settles();
    expect(change.driver.searchAttributes).toEqual({
      SlipwayState: 'awaiting-review',
      SlipwayNeedsHuman: false,
    });
    await change.isApproved();
    await change.ends();
    expect(change.driver.searchAttributes).toMatchObject({ SlipwayState: 'closed' });
    const acts = change.driver.calls.filter(({ name }) => name === 'act');
    expect(acts.map(({ summary }) => summary)).toContain(`forward: ${steps.attachCard}`);
  });

  it('shows there, step by step, how far it has come and what it waits for', async () => {
    const change = await Change.submitted({}, { takes: ({ name }) => (name === 'act' ? 1_000 : 0) });
    await change.isApproved();
    await change.reaches('running');
    await change.driver.advance(1_500);
    const details = await change.driver.currentDetails();
    expect(details).toContain('**running**, round 1');
    expect(details).toContain(`| ${steps.dismountCard} | done |`);
    expect(details).toContain(`| ${steps.dismountSibling} | begun |`);
    expect(details).toContain(`| ${steps.attachCard} | to do |`);
    await change.order('hold', 'power work');
    await change.reaches('held');
    expect(await change.driver.currentDetails()).toContain('power work');
  });

  it('can be asked at any time where it stands', async () => {
    const change = await Change.submitted();
    await change.settles();
    expect(await change.view()).toMatchObject({
      changeId: 'change-1',
      state: 'awaiting-review',
      round: 1,
      planHash: change.planHash,
      standing: { verdict: 'open', missing: [{ count: 2 }] },
      result: null,
    });
    await change.isApproved();
    await change.ends();
    expect(await change.view()).toMatchObject({ state: 'closed', result: { ending: 'succeeded' } });
  });
});

describe('the endings of a change', () => {
  it('refused, with every reason, when there is no plan; nothing is claimed', async () => {
    const world = new World([device(card, { uses: [{ kind: 'mount', detail: '/srv' }] }), device(disk)]);
    const change = await Change.submitted({ vm: 'no such VM' }, { world });
    expect(await change.ends()).toMatchObject({ ending: 'refused', failure: { reason: 'vm-unknown' } });
    expect(change.states).toEqual(['closed']);
    expect(world.ledger.map(({ kind }) => kind)).toEqual(['told']);
  });

  it('refused at the gate, when the device was mounted after the review; nothing is touched', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    change.world.deviceAt(card).uses.push({ kind: 'mount', detail: '/srv' });
    expect(await change.ends()).toMatchObject({
      ending: 'refused',
      failure: { reason: 'device-in-use-by-host' },
    });
    expect(change.acts).toEqual([]);
    expect(change.world.claims.size).toBe(0);
  });

  it('rejected', async () => {
    const change = await Change.submitted();
    await change.settles();
    await change.rejects('approver-1');
    expect(await change.ends()).toEqual({ ending: 'rejected' });
    expect(change.states).toEqual(['awaiting-review', 'closed']);
  });

  it('expired', async () => {
    const change = await Change.submitted();
    expect(await change.ends()).toEqual({ ending: 'expired' });
  });

  it('withdrawn', async () => {
    const change = await Change.submitted();
    await change.settles();
    expect(await change.order('withdraw')).toMatchObject({ accepted: true, result: 'awaiting-review' });
    expect(await change.ends()).toEqual({ ending: 'withdrawn' });
  });

  it('undone, with the failure that caused it, and proven to be as before', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    const before = change.world.facts();
    change.world.guest = [failure('guest-unhealthy')];
    expect(await change.ends()).toMatchObject({
      ending: 'undone',
      restored: true,
      failure: { reason: 'guest-unhealthy' },
    });
    expect(change.states).toEqual(['awaiting-review', 'gate', 'running', 'verifying', 'undoing', 'closed']);
    expect(change.world.facts()).toEqual(before);
    expect(change.world.origins.size).toBe(0);
  });

  it('closed by an operator, with a second person, and what is observed is accepted', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    change.world.faults.push({ verb: 'attach', kind: 'before', times: 1 });
    change.world.faults.push({ direction: 'undo', verb: 'mount', kind: 'before', times: 99 });
    await change.reaches('parked');
    await change.resolve('accept', 'operator-2');
    expect(await change.ends()).toMatchObject({
      ending: 'closed-by-operator',
      failure: { reason: 'act-refused' },
    });
    expect(change.world.claims.size).toBe(0);
    expect(change.world.quarantines.size).toBe(0);
  });

  it('is told once, as the last thing, with the same result the workflow returns', async () => {
    const change = await Change.submitted();
    await change.isApproved();
    const result = await change.ends();
    const closed = change.world.ledger.filter((one) => one.kind === 'told' && one.state === 'closed');
    expect(closed).toHaveLength(1);
    expect(change.world.ledger.at(-1)).toBe(closed[0]);
    expect(change.world.lastTold()).toMatchObject({ state: 'closed', ...result });
    expect(change.world.lastTold().events.map(({ kind }) => kind)).toEqual([
      'change.closed',
      'change.succeeded',
    ]);
  });
});
