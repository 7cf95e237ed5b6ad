import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { actName, claimKeys, formatCommand } from '../../domain/act.js';
import { canonicalJson } from '../../domain/canonical.js';
import { type Plan, planActs, planMaterial, withCommands } from '../../domain/plan.js';
import type { PlanInput } from '../../domain/planning.js';
import {
  bridge,
  capabilities,
  card,
  device,
  disk,
  originOf,
  planInput,
  planOf,
  request,
  returnInput,
  sibling,
  view,
  vm,
  vmName,
} from './samples.js';

const namesOf = (plan: Plan): string[] => plan.steps.map((step) => step.name);
const placementsOf = (plan: Plan): (string | undefined)[] =>
  plan.steps.filter(({ forward }) => forward.act.placement).map(({ forward }) => forward.act.placement);
const noHotPlug = { ...capabilities, hotAttach: false };
const unit = [
  device(card, { unit: 'u' }),
  device(sibling, { unit: 'u' }),
  device(bridge, { unit: 'u', bridge: true }),
];

describe('an attach', () => {
  it('to a running VM is hot when a port is free', () => {
    const plan = planOf(planInput());
    expect(namesOf(plan)).toEqual([`dismount ${card}`, `attach ${card}`]);
    expect(placementsOf(plan)).toEqual(['hot']);
    expect(plan.powerCycles).toBe(0);
  });

  it.each([
    ['no port is free', { vms: [vm({ freePorts: 0 })] }],
    ['the host can’t hot-plug', { capabilities: noHotPlug }],
  ])('to a running VM is cold inside one power cycle when %s', (_, seen) => {
    const plan = planOf(planInput({ view: view(seen) }));
    expect(namesOf(plan)).toEqual([
      `quiesce ${vmName}`,
      `dismount ${card}`,
      `attach ${card}`,
      `resume ${vmName}`,
    ]);
    expect(placementsOf(plan)).toEqual(['cold']);
    expect(plan.powerCycles).toBe(1);
    expect(plan.steps[0]!.forward.act.force).toBe(true);
  });

  it.each(['off', 'crashed'] as const)('to a VM that is %s is cold and leaves its power alone', (power) => {
    for (const powerOff of ['allowed', 'never'] as const) {
      const plan = planOf(
        planInput({ request: request({ powerOff }), view: view({ vms: [vm({ power })] }) }),
      );
      expect(namesOf(plan)).toEqual([`dismount ${card}`, `attach ${card}`]);
      expect(placementsOf(plan)).toEqual(['cold']);
      expect(plan.restorePower).toBeNull();
    }
  });

  it('needs as many free ports as it moves devices, companions included', () => {
    const asked = request({ wholeUnit: true });
    const plan = planOf(
      planInput({ request: asked, view: view({ devices: unit, vms: [vm({ freePorts: 1 })] }) }),
    );
    expect(placementsOf(plan)).toEqual(['cold', 'cold']);
  });

  it('takes the whole unit from the host before the VM gets any of it, and leaves the bridge alone', () => {
    const plan = planOf(planInput({ request: request({ wholeUnit: true }), view: view({ devices: unit }) }));
    expect(namesOf(plan)).toEqual([
      `dismount ${card}`,
      `dismount ${sibling}`,
      `attach ${card}`,
      `attach ${sibling}`,
    ]);
    expect(plan.basis.devices).toMatchObject([
      { address: card, members: [card, sibling], bridges: [bridge] },
      { address: sibling, members: [card, sibling], bridges: [bridge] },
    ]);
    expect(JSON.stringify(plan.steps)).not.toContain(bridge);
  });

  it('records the driver that each device must have again', () => {
    const devices = [device(card, { holder: { kind: 'host', driver: null } }), device(disk)];
    const both = [card, disk].map((address) => ({ address, mode: 'pci' as const }));
    const plan = planOf(planInput({ request: request({ devices: both }), view: view({ devices }) }));
    expect(plan.basis.devices.map(({ hostDriver }) => hostDriver)).toEqual([null, 'nvme']);
    expect(plan.steps.map(({ forward }) => forward.act.device?.hostDriver)).toEqual([
      null,
      'nvme',
      null,
      'nvme',
    ]);
  });

  it('may cut the power of a guest that does not let go on undo, only if the request allows it', () => {
    const may = planOf(planInput({ request: request({ powerOff: 'allowed' }) }));
    expect(may.steps.at(-1)!.escalation.map(({ act }) => actName(act))).toEqual([`quiesce ${vmName}`]);
    const never = planOf(planInput({ request: request({ powerOff: 'never' }) }));
    expect(never.steps.flatMap(({ escalation }) => escalation)).toEqual([]);
  });

  it('knows how to bring a VM back that an escalation has cut', () => {
    expect(planOf(planInput()).restorePower?.act).toMatchObject({ verb: 'resume', vm: { name: vmName } });
  });
});

describe('a return', () => {
  it('takes every device from the VM before the host gets any of them', () => {
    const input = returnInput([card, sibling]);
    const plan = planOf({ ...input, request: { ...input.request, powerOff: 'never' } });
    expect(namesOf(plan)).toEqual([
      `detach ${card}`,
      `detach ${sibling}`,
      `mount ${card}`,
      `mount ${sibling}`,
    ]);
  });

  it('brings the VM back after an escalation, and shows that step as one that may not happen', () => {
    const plan = planOf(returnInput([card]));
    expect(plan.steps.map(({ name, onlyAfterEscalation }) => [name, onlyAfterEscalation])).toEqual([
      [`detach ${card}`, false],
      [`resume ${vmName}`, true],
      [`mount ${card}`, false],
    ]);
    expect(plan.powerCycles).toBe(0);
  });

  it('from a host that can’t hot-unplug needs a power cycle', () => {
    const input = returnInput([card]);
    const plan = planOf({ ...input, view: { ...input.view, capabilities: noHotPlug } });
    expect(namesOf(plan)).toEqual([
      `quiesce ${vmName}`,
      `detach ${card}`,
      `resume ${vmName}`,
      `mount ${card}`,
    ]);
    expect(placementsOf(plan)).toEqual(['cold']);
  });

  it('from a VM that is off leaves its power alone', () => {
    const input = returnInput([card]);
    const plan = planOf({ ...input, view: { ...input.view, vms: [vm({ power: 'off' })] } });
    expect(namesOf(plan)).toEqual([`detach ${card}`, `mount ${card}`]);
    expect(plan.steps.flatMap(({ escalation }) => escalation)).toEqual([]);
  });

  it('mounts with the driver that was recorded before the attach, not the one it has now', () => {
    const held = device(card, { holder: { kind: 'vm', vm: vmName } });
    const origins = [originOf(held, { hostDriver: 'e1000e' })];
    const plan = planOf(returnInput([card], { origins }));
    expect(plan.steps.at(-1)!.forward.act.device?.hostDriver).toBe('e1000e');
    expect(plan.basis.devices[0]!.hostDriver).toBe('e1000e');
  });
});

describe('a plan', () => {
  it('names every step once and gives each its inverse', () => {
    for (const plan of somePlans()) {
      expect(new Set(namesOf(plan)).size).toBe(plan.steps.length);
      for (const { forward, inverse } of plan.steps) {
        expect(inverse?.act).toMatchObject({ host: plan.host });
        expect(inverse?.act.device).toEqual(forward.act.device);
        expect(inverse?.act.vm).toEqual(forward.act.vm);
        expect(inverse?.act.placement).toEqual(forward.act.placement);
      }
    }
  });

  it('claims every member of a unit and the VM, and never an IOMMU group number', () => {
    const plan = planOf(planInput({ request: request({ wholeUnit: true }), view: view({ devices: unit }) }));
    expect(claimKeys(plan.basis.hostIdentity, planActs(plan))).toEqual([
      `device/machine-a/${card}`,
      `device/machine-a/${sibling}`,
      `vm/${vm().uuid}`,
    ]);
  });

  it('leaves time for a full undo after the last step', () => {
    for (const plan of somePlans()) {
      const slowest = Math.max(...plan.steps.map(({ limitSeconds }) => limitSeconds));
      expect(plan.undoSeconds).toBeGreaterThanOrEqual(plan.estimateSeconds + slowest);
    }
  });

  it.each([
    ['no-reset-method', { view: view({ devices: [device(card, { resetMethods: [] })] }) }],
    [
      'weak-fingerprint',
      { view: view({ devices: [device(card, { fingerprint: { vendor: 'a', device: 'b' } })] }) },
    ],
    ['larger-unit', { request: request({ wholeUnit: true }), view: view({ devices: unit }) }],
    ['power-cycle', { view: view({ capabilities: noHotPlug }) }],
    ['no-probe', { probe: 'none' as const }],
    ['not-fenced', { view: view({ capabilities: { ...capabilities, fencesEveryAct: false } }) }],
    ['memory-pinned', {}],
  ])('shows the risk %s, and only where it is one', (code, more) => {
    const safe = planInput({ view: view({ capabilities: { ...capabilities, pinsMemory: false } }) });
    expect(planOf(planInput(more)).risks.map((risk) => risk.code)).toContain(code);
    expect(planOf(safe).risks).toEqual([]);
  });

  it('shows in a risk which devices or VM it is about', () => {
    const devices = unit.map((one) => ({ ...one, resetMethods: [] }));
    const { risks } = planOf(planInput({ request: request({ wholeUnit: true }), view: view({ devices }) }));
    expect(risks.find(({ code }) => code === 'no-reset-method')?.text).toContain(`${card}, ${sibling}`);
    expect(risks.find(({ code }) => code === 'larger-unit')?.text).toContain(sibling);
    expect(risks.find(({ code }) => code === 'memory-pinned')?.text).toContain(vmName);
  });
});

describe('the material of a plan’s hash', () => {
  const textOf = (input: PlanInput): string => canonicalJson(planMaterial(planOf(input)));
  // Digests, so that a failure does not print two pages.
  const materialOf = (input: PlanInput): string => createHash('sha256').update(textOf(input)).digest('hex');
  const same = materialOf(planInput());

  it('is the same for the same meaning, whatever else the request says', () => {
    const later = request({ reason: 'another', ticket: 'CHG2', lease: { until: '2027-01-01T00:00:00Z' } });
    expect(materialOf(planInput({ request: later }))).toBe(same);
    const window = { from: '2026-12-05T22:00:00Z', to: '2026-12-06T02:00:00Z' };
    expect(materialOf(planInput({ request: request({ window }) }))).toBe(same);
  });

  it('is the same after a reboot of the host, which may renumber its groups', () => {
    const rebooted = view({ host: { ...view().host, bootId: 'boot-2' } });
    expect(materialOf(planInput({ view: rebooted }))).toBe(same);
    const renumbered = view({
      devices: view().devices.map((one) => ({ ...one, unit: `group after ${one.unit}` })),
    });
    expect(materialOf(planInput({ view: renumbered }))).toBe(same);
  });

  it('is the same when other devices and VMs of the host differ', () => {
    const busy = view({
      devices: [...view().devices, device('0000:07:00.0')],
      vms: [vm(), vm({ name: 'b', uuid: 'b' })],
    });
    expect(materialOf(planInput({ view: busy }))).toBe(same);
  });

  it('does not depend on the order in which a host lists its devices and VMs', () => {
    const asked = request({ wholeUnit: true });
    const straight = materialOf(planInput({ request: asked, view: view({ devices: unit }) }));
    fc.assert(
      fc.property(fc.shuffledSubarray(unit, { minLength: unit.length }), (devices) => {
        expect(materialOf(planInput({ request: asked, view: view({ devices }) }))).toBe(straight);
      }),
    );
  });

  it.each<[string, Partial<PlanInput>]>([
    [
      'another card',
      { view: view({ devices: [device(card, { fingerprint: { vendor: 'x', device: 'y', serial: 'z' } })] }) },
    ],
    [
      'another driver',
      { view: view({ devices: [device(card, { holder: { kind: 'host', driver: 'other' } })] }) },
    ],
    ['a lost reset method', { view: view({ devices: [device(card, { resetMethods: [] })] }) }],
    ['another host of the same name', { view: view({ host: { ...view().host, identity: 'machine-b' } }) }],
    ['a VM that is off now', { view: view({ vms: [vm({ power: 'off' })] }) }],
    ['a VM made anew', { view: view({ vms: [vm({ uuid: 'made-anew' })] }) }],
    ['another setting of the VM', { view: view({ vms: [vm({ settings: { onHostStop: 'shutdown' } })] }) }],
    ['no free port any more', { view: view({ vms: [vm({ freePorts: 0 })] }) }],
    ['another policy', { requirements: [{ id: 'three', count: 3, groups: [] }] }],
    ['another answer to an unhealthy guest', { request: request({ onUnhealthy: 'keep' }) }],
    ['a guest nobody can look into', { probe: 'none' }],
    ['power that may not be cut', { request: request({ powerOff: 'never' }) }],
  ])('differs for %s', (_, more) => {
    expect(materialOf(planInput(more))).not.toBe(same);
  });

  it('differs for other commands', () => {
    const plan = planOf(planInput());
    const with1 = withCommands(plan, (act) => [{ tool: 'virsh', argv: [act.verb] }]);
    const with2 = withCommands(plan, (act) => [{ tool: 'virsh', argv: [act.verb, '--live'] }]);
    expect(canonicalJson(planMaterial(with1))).not.toBe(canonicalJson(planMaterial(with2)));
  });

  it('holds no durations, which are guesses and no meaning', () => {
    expect(textOf(planInput())).not.toMatch(/[Ss]econds|version|bootId|boot-1/);
  });
});

describe('the commands of a plan', () => {
  it('are there for every act it may perform, forward, back, on escalation and to restore power', () => {
    for (const plan of somePlans()) {
      const full = withCommands(plan, (act) => [{ tool: 'do', argv: [actName(act)] }]);
      const planned = full.steps.flatMap(({ forward, inverse, escalation }) => [
        forward,
        inverse!,
        ...escalation,
      ]);
      for (const { act, commands } of [...planned, ...(full.restorePower ? [full.restorePower] : [])]) {
        expect(commands).toEqual([{ tool: 'do', argv: [actName(act)] }]);
      }
      expect(planned.length + (full.restorePower ? 1 : 0)).toBe(planActs(full).length);
    }
  });

  it('are shown so that a shell would read each word as it is', () => {
    expect(formatCommand({ tool: 'virsh', argv: ['start', 'voip-gateway'] })).toBe(
      'virsh start voip-gateway',
    );
    expect(formatCommand({ tool: 'virsh', argv: ['start', `a b'c; rm -rf $HOME`] })).toBe(
      `virsh start 'a b'\\''c; rm -rf $HOME'`,
    );
    expect(formatCommand({ tool: 'virsh', argv: [''] })).toBe(`virsh ''`);
    expect(formatCommand({ tool: 'virsh', argv: ['a<b', 'c>d'] })).toBe(`virsh 'a<b' 'c>d'`);
  });
});

function somePlans(): Plan[] {
  const whole = request({ wholeUnit: true });
  return [
    planOf(planInput()),
    planOf(planInput({ request: whole, view: view({ devices: unit }) })),
    planOf(planInput({ view: view({ capabilities: noHotPlug }) })),
    planOf(planInput({ view: view({ vms: [vm({ power: 'off' })] }) })),
    planOf(returnInput([card, disk])),
    planOf({ ...returnInput([card]), view: { ...returnInput([card]).view, capabilities: noHotPlug } }),
  ];
}
