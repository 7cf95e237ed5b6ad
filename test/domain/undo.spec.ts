import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { type Act, type ActDevice, actName, branchOf, oppositeVerb, type Verb } from '../../domain/act.js';
import { halfStateOf } from '../../domain/half-state.js';
import { failure } from '../../domain/failures.js';
import type { Plan, Step } from '../../domain/plan.js';
import { undoGraph, type UndoNode } from '../../domain/undo.js';
import {
  capabilities,
  card,
  device,
  disk,
  planInput,
  planOf,
  request,
  returnInput,
  sibling,
  view,
} from './samples.js';

const noHotPlug = { ...capabilities, hotAttach: false };
const unitOfTwo = [device(card, { unit: 'u' }), device(sibling, { unit: 'u' }), device(disk)];
const all = [card, disk].map((address) => ({ address, mode: 'pci' as const }));

const coldAttach = planOf(
  planInput({
    request: request({ devices: all, wholeUnit: true }),
    view: view({ devices: unitOfTwo, capabilities: noHotPlug }),
  }),
);

function inverses(nodes: readonly UndoNode[]): string[] {
  return nodes.map(({ inverse }) => actName(inverse.act));
}

function waitsFor(plan: Plan, step: string): string[] {
  const node = undoGraph(plan.steps).find((one) => one.step === step);
  if (!node) throw new Error(`no inverse of ${step}`);
  return [...node.after].sort();
}

describe('undo of an attach', () => {
  it('goes last first', () => {
    expect(inverses(undoGraph(coldAttach.steps))).toEqual([
      'quiesce voip-gateway',
      `detach ${disk}`,
      `detach ${sibling}`,
      `detach ${card}`,
      `mount ${disk}`,
      `mount ${sibling}`,
      `mount ${card}`,
      'resume voip-gateway',
    ]);
  });

  it('gives no device to the host while the VM may have any member of its unit', () => {
    for (const member of [card, sibling]) {
      expect(waitsFor(coldAttach, `dismount ${member}`)).toEqual([`attach ${card}`, `attach ${sibling}`]);
    }
    expect(waitsFor(coldAttach, `dismount ${disk}`)).toEqual([`attach ${disk}`]);
  });

  it('makes the VM whole although the host can’t take a device back', () => {
    expect(waitsFor(coldAttach, 'quiesce voip-gateway')).toEqual([
      `attach ${card}`,
      `attach ${sibling}`,
      `attach ${disk}`,
      'resume voip-gateway',
    ]);
  });

  it('stops the VM before it takes a device out cold', () => {
    expect(waitsFor(coldAttach, `attach ${disk}`)).toEqual(['resume voip-gateway']);
  });

  it('does not let one unit’s trouble hold up another unit', () => {
    const after = undoGraph(coldAttach.steps).find(({ step }) => step === `attach ${disk}`)!.after;
    expect(after).not.toContain(`attach ${card}`);
    expect(waitsFor(coldAttach, `dismount ${disk}`)).not.toContain(`attach ${card}`);
  });

  it('knows nothing of steps that were never begun', () => {
    expect(inverses(undoGraph(coldAttach.steps.slice(0, 2)))).toEqual([
      `mount ${card}`,
      'resume voip-gateway',
    ]);
    expect(undoGraph([])).toEqual([]);
  });

  it('may cut the power of a guest that does not let go', () => {
    const hot = planOf(planInput());
    const [detach, mount] = undoGraph(hot.steps);
    expect(detach!.escalation.map(({ act }) => actName(act))).toEqual(['quiesce voip-gateway']);
    expect(mount!.escalation).toEqual([]);
  });
});

describe('undo of a return', () => {
  const plan = planOf({ ...returnInput([card, disk]), view: view({ devices: held([card, disk]) }) });

  it('takes the device from the host before the VM gets it again', () => {
    const begun = plan.steps.filter(({ onlyAfterEscalation }) => !onlyAfterEscalation);
    expect(inverses(undoGraph(begun))).toEqual([
      `dismount ${disk}`,
      `dismount ${card}`,
      `attach ${disk}`,
      `attach ${card}`,
    ]);
    expect(waitsFor({ ...plan, steps: begun }, `detach ${card}`)).toEqual([`mount ${card}`]);
  });

  it('never cuts the power to give a device back', () => {
    expect(undoGraph(plan.steps).flatMap(({ escalation }) => escalation)).toEqual([]);
  });

  it('does not power off a VM only because an escalation had brought it back', () => {
    expect(inverses(undoGraph(plan.steps))).not.toContain('quiesce voip-gateway');
  });
});

describe('the undo graph of any plan', () => {
  const anyBegun = fc.array(
    fc.record({
      verb: fc.constantFrom<Verb>('quiesce', 'resume', 'prepare', 'dismount', 'mount', 'attach', 'detach'),
      unit: fc.integer({ min: 1, max: 3 }),
      member: fc.integer({ min: 0, max: 1 }),
      vm: fc.constantFrom('a', 'b'),
    }),
    { maxLength: 12 },
  );
  const steps = anyBegun.map((list) =>
    list.map(({ verb, unit, member, vm }, at) => step(at, verb, unit, member, vm)),
  );
  const wide = (act: Act): boolean => act.vm !== undefined && act.device === undefined;
  const touchesHost = (act: Act): boolean => branchOf[act.verb] === 'host';

  function everyPair(property: (later: Step, earlier: Step, waits: boolean) => void): void {
    fc.assert(
      fc.property(steps, (begun) => {
        const nodes = undoGraph(begun);
        begun.forEach((earlier, index) => {
          const node = nodes.find((one) => one.step === earlier.name)!;
          begun
            .slice(index + 1)
            .forEach((later) => property(later, earlier, node.after.includes(later.name)));
        });
      }),
    );
  }

  it('holds every inverse once, last first, and waits only for inverses that come before', () => {
    fc.assert(
      fc.property(steps, (begun) => {
        const nodes = undoGraph(begun);
        expect(nodes.map((node) => node.step)).toEqual(begun.map((one) => one.name).reverse());
        nodes.forEach((node, index) => {
          const before = nodes.slice(0, index).map((one) => one.step);
          for (const name of node.after) expect(before).toContain(name);
        });
      }),
    );
  });

  it('lets an inverse on the whole VM wait for all later ones on that VM', () => {
    everyPair((later, earlier, waits) => {
      const a = later.forward.act;
      const b = earlier.forward.act;
      if (wide(b) && a.vm?.uuid === b.vm?.uuid) expect(waits).toBe(true);
      if (wide(b) && touchesHost(a)) expect(waits).toBe(false);
    });
  });

  it('lets an inverse on the host wait for the VM side of its unit, and the other way round', () => {
    everyPair((later, earlier, waits) => {
      const a = later.forward.act;
      const b = earlier.forward.act;
      if (!a.device || !b.device || touchesHost(a) === touchesHost(b)) return;
      expect(waits).toBe(a.device.unit === b.device.unit);
    });
  });

  it('never lets one unit wait for another', () => {
    everyPair((later, earlier, waits) => {
      const a = later.forward.act.device;
      const b = earlier.forward.act.device;
      if (a && b && a.unit !== b.unit) expect(waits).toBe(false);
    });
  });

  it('never lets one VM wait for another', () => {
    everyPair((later, earlier, waits) => {
      const a = later.forward.act;
      const b = earlier.forward.act;
      if (wide(a) && b.vm && a.vm!.uuid !== b.vm.uuid) expect(waits).toBe(false);
    });
  });
});

describe('the half-state of a parked change', () => {
  it('names the branch and unit that stopped, and what to type for everything still open', () => {
    const why = failure('driver-missing');
    const half = halfStateOf(coldAttach, {
      proven: ['resume voip-gateway', `attach ${disk}`],
      unproven: [{ step: `dismount ${disk}`, failure: why }],
      untried: [`dismount ${card}`],
    });
    expect(half.branches).toEqual([
      { branch: 'host', unit: `unit of ${disk}`, stoppedAt: `dismount ${disk}`, failure: why },
    ]);
    expect(half.commands.map(({ step }) => step)).toEqual([`dismount ${disk}`, `dismount ${card}`]);
  });

  it('shows also what belongs to no step of the plan', () => {
    const why = failure('act-without-effect');
    const residue = {
      proven: [],
      unproven: [{ step: 'compare before and after', failure: why }],
      untried: [],
    };
    expect(halfStateOf(coldAttach, residue)).toEqual({
      branches: [{ branch: 'vm', stoppedAt: 'compare before and after', failure: why }],
      commands: [],
    });
  });
});

function held(addresses: string[]) {
  return addresses.map((address) => device(address, { holder: { kind: 'vm', vm: 'voip-gateway' } }));
}

function step(at: number, verb: Verb, unit: number, member: number, vmName: string): Step {
  const address = `0000:0${unit}:00.${member}`;
  const moved: ActDevice = {
    address,
    mode: 'pci',
    fingerprint: { vendor: '1', device: '2' },
    unit: `unit ${unit}`,
    members: [address],
    hostDriver: null,
  };
  const vm = { name: vmName, uuid: vmName };
  const make = (one: Verb): Act => ({
    verb: one,
    host: 'h',
    ...(branchOf[one] === 'host' ? {} : { vm }),
    ...(['attach', 'detach', 'mount', 'dismount'].includes(one) ? { device: moved } : {}),
  });
  return {
    name: `${at}: ${verb}`,
    summary: '',
    branch: branchOf[verb],
    forward: { act: make(verb), commands: [] },
    inverse: { act: make(oppositeVerb[verb]), commands: [] },
    escalation: [],
    onlyAfterEscalation: false,
    effects: [],
    typicalSeconds: 1,
    limitSeconds: 1,
  };
}
