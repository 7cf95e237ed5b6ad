import { describe, expect, it } from '@jest/globals';
import { ChangeState, isFinal, isWaiting, mayMove, sameIdentity, transitions } from '../../domain/change.js';
import { oppositeVerb, Verb, branchOf, claimKeys } from '../../domain/act.js';

const states = Object.values(ChangeState);

function reachable(from: ChangeState): Set<ChangeState> {
  const seen = new Set<ChangeState>();
  const visit = (state: ChangeState): void => {
    if (seen.has(state)) return;
    seen.add(state);
    transitions[state].forEach(visit);
  };
  visit(from);
  return seen;
}

describe('the states of a change', () => {
  it('can all be reached', () => {
    expect([...reachable('inspecting')].sort()).toEqual([...states].sort());
  });

  it('all lead to the end, and the end leads nowhere', () => {
    for (const state of states) expect(reachable(state)).toContain('closed');
    expect(transitions.closed).toEqual([]);
    expect(states.filter(isFinal)).toEqual(['closed']);
  });

  it.each(['running', 'held', 'gate'] as const)(
    'never end without proof from %s once a device was touched',
    (state) => {
      const allowed = { running: ['verifying', 'held', 'undoing'], held: ['gate', 'undoing'], gate: null }[
        state
      ];
      if (allowed) expect(transitions[state]).toEqual(allowed);
      expect(mayMove('running', 'closed')).toBe(false);
      expect(mayMove('held', 'closed')).toBe(false);
    },
  );

  it('reach the first act through the gate only', () => {
    expect(states.filter((state) => mayMove(state, 'running'))).toEqual(['gate']);
  });

  it('park only what could not be undone', () => {
    expect(states.filter((state) => mayMove(state, 'parked'))).toEqual(['gate', 'undoing']);
  });

  it('wait before the first act in three states', () => {
    expect(states.filter(isWaiting)).toEqual(['inspecting', 'awaiting-review', 'scheduled']);
  });
});

describe('an identity', () => {
  it('is issuer and subject, both', () => {
    const one = { issuer: 'i', subject: 's' };
    expect(sameIdentity(one, { ...one })).toBe(true);
    expect(sameIdentity(one, { ...one, issuer: 'j' })).toBe(false);
    expect(sameIdentity(one, { ...one, subject: 't' })).toBe(false);
  });
});

describe('a verb', () => {
  it.each(Object.values(Verb))('%s is undone by its opposite, on the same branch', (verb) => {
    expect(oppositeVerb[oppositeVerb[verb]]).toBe(verb);
    expect(oppositeVerb[verb]).not.toBe(verb);
    expect(branchOf[oppositeVerb[verb]]).toBe(branchOf[verb]);
  });
});

describe('claim keys', () => {
  it('are the host’s identity with the address, so that a renamed host is still the same device', () => {
    const device = {
      address: 'a',
      mode: 'pci' as const,
      fingerprint: { vendor: '1', device: '2' },
      unit: 'iommu-group-7',
      members: ['b', 'a'],
      hostDriver: null,
    };
    const acts = [
      { verb: 'dismount' as const, host: 'name', device },
      { verb: 'attach' as const, host: 'name', device, vm: { name: 'v', uuid: 'u' } },
    ];
    expect(claimKeys('machine', acts)).toEqual(['device/machine/a', 'device/machine/b', 'vm/u']);
    expect(claimKeys('machine', [])).toEqual([]);
  });
});
