import { describe, expect, it } from '@jest/globals';
import { type Effect, voidBecause } from '../../bench/ledger.js';
import type { Errand } from '../../bench/arm.js';

const address = '0000:01:00.0';
const errands: Errand[] = (['attach', 'return'] as const).map((action) => ({ action, vm: 'vm-00', address }));
const effects: Effect[] = ['dismount', 'attach', 'detach', 'mount'].map((verb) => ({
  opId: `of ${verb}`,
  verb,
  subject: address,
}));

describe('a run counts only if the ledger has every effect once', () => {
  it('does not void a run in which all went as asked', () => {
    expect(voidBecause(effects, errands)).toBeNull();
  });

  it('is void when an effect is missing: the arm that does less would be the faster', () => {
    expect(voidBecause(effects.slice(0, 3), errands)).toContain('expected dismount, attach, detach, mount');
  });

  it('is void when an effect happened twice under one operation', () => {
    expect(voidBecause([...effects, effects[3]!], errands)).toContain('happened twice');
  });

  it('is void when one happened twice under two operations, or in another order', () => {
    expect(voidBecause([...effects, { ...effects[3]!, opId: 'another' }], errands)).not.toBeNull();
    expect(voidBecause([...effects].reverse(), errands)).not.toBeNull();
  });

  it('is void when a device was moved that nobody asked for', () => {
    const stray = { opId: 'stray', verb: 'dismount', subject: '0000:09:00.0' };
    expect(voidBecause([...effects, stray], errands)).toContain('0000:09:00.0: expected nothing');
  });
});
