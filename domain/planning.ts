import { type Act, type ActDevice, actName, type ActVm, branchOf, oppositeVerb, type Verb } from './act.js';
import type { ChangeRequest } from './change.js';
import { type DeviceFacts, isWeakFingerprint } from './device.js';
import { type Failure, failure } from './failures.js';
import type { GuestProbe, HostView } from './hypervisor.js';
import type { Origin } from './origin.js';
import type { Plan, PlannedAct, Risk, Step } from './plan.js';
import { effects, seconds, summaries } from './plan-words.js';
import { at, hostObjections, select, type Selection } from './preflight.js';
import type { Requirement } from './review.js';

/** All a plan is made from. Nothing else may influence it: same input, same plan. */
export interface PlanInput {
  request: ChangeRequest;
  view: HostView;
  /** Where devices under management came from; empty for those that are not. */
  origins: Origin[];
  requirements: Requirement[];
  probe: GuestProbe;
}

export type Planned = { ok: true; plan: Plan } | { ok: false; failures: Failure[] };

/** Makes the plan of a request, or says with reasons why there is none. */
export function planChange(input: PlanInput): Planned {
  const { selection, failures } = select(input.request, input.view);
  if (!selection) return { ok: false, failures };
  switch (input.request.action) {
    case 'attach':
      return planAttach(input, selection);
    case 'return':
      return planReturn(input, selection);
    default:
      return refused(
        failure('action-unsupported', { where: at(input.request), actual: input.request.action }),
      );
  }
}

function planAttach(input: PlanInput, selection: Selection): Planned {
  const { request, view } = input;
  const objections = hostObjections(request, view, selection.devices);
  if (objections.length > 0) return refused(...objections);
  const placement = attachPlacement(input, selection);
  if ('reason' in placement) return refused(placement);

  const make = actMaker(input, selection);
  const powerCycle = placement.cold && selection.vm.power === 'running';
  const steps = [
    ...(powerCycle ? [make.step('quiesce', undefined, { force: true })] : []),
    ...selection.devices.map((device) => make.step('dismount', device)),
    ...selection.devices.map((device) =>
      make.step('attach', device, { placement: placement.cold ? 'cold' : 'hot' }),
    ),
    ...(powerCycle ? [make.step('resume')] : []),
  ];
  return { ok: true, plan: assemble(input, selection, steps, powerCycle) };
}

function attachPlacement(
  { request, view }: PlanInput,
  { vm, devices }: Selection,
): { cold: boolean } | Failure {
  if (vm.power === 'off' || vm.power === 'crashed') return { cold: true };
  if (vm.power !== 'running') {
    return failure('vm-state-unfit', { where: at(request), expected: 'running or off', actual: vm.power });
  }
  const hot = view.capabilities.hotAttach && vm.freePorts >= devices.length;
  if (hot) return { cold: false };
  if (request.powerOff === 'allowed') return { cold: true };
  return view.capabilities.hotAttach
    ? failure('no-free-port', {
        where: at(request),
        expected: `${devices.length} free`,
        actual: `${vm.freePorts} free`,
      })
    : failure('power-off-needed', {
        where: at(request),
        expected: 'powerOff: allowed',
        actual: 'powerOff: never',
      });
}

function planReturn(input: PlanInput, selection: Selection): Planned {
  const { request, view } = input;
  const objections = selection.devices.flatMap((device) => returnObjections(input, device));
  if (objections.length > 0) return refused(...objections);
  const running = selection.vm.power === 'running';
  if (!running && selection.vm.power !== 'off' && selection.vm.power !== 'crashed') {
    return refused(
      failure('vm-state-unfit', {
        where: at(request),
        expected: 'running or off',
        actual: selection.vm.power,
      }),
    );
  }
  const powerCycle = running && !view.capabilities.hotAttach;
  if (powerCycle && request.powerOff === 'never') {
    return refused(
      failure('power-off-needed', {
        where: at(request),
        expected: 'powerOff: allowed',
        actual: 'powerOff: never',
      }),
    );
  }
  const make = actMaker(input, selection);
  const placement = running && !powerCycle ? 'hot' : 'cold';
  const mayEscalate = placement === 'hot' && request.powerOff === 'allowed';
  const steps = [
    ...(powerCycle ? [make.step('quiesce', undefined, { force: true })] : []),
    ...selection.devices.map((device) => make.step('detach', device, { placement })),
    ...(powerCycle ? [make.step('resume')] : []),
    ...(mayEscalate ? [{ ...make.step('resume'), onlyAfterEscalation: true }] : []),
    ...selection.devices.map((device) => make.step('mount', device)),
  ];
  return { ok: true, plan: assemble(input, selection, steps, powerCycle) };
}

function returnObjections({ request, origins }: PlanInput, device: DeviceFacts): Failure[] {
  const where = at(request, device.address);
  const { holder } = device;
  if (holder.kind !== 'vm' || holder.vm !== request.vm) {
    const actual = holder.kind === 'vm' ? `held by VM ${holder.vm}` : `held by ${holder.kind}`;
    return [failure('device-not-attached', { where, expected: `held by VM ${request.vm}`, actual })];
  }
  const known = origins.some((origin) => origin.address === device.address && origin.vm === request.vm);
  return known
    ? []
    : [failure('origin-unknown', { where, actual: 'attached, but not by a change of this register' })];
}

interface ActMaker {
  step(verb: Verb, device?: DeviceFacts, more?: Partial<Act>): Step;
}

function actMaker(input: PlanInput, selection: Selection): ActMaker {
  const vm: ActVm = { name: selection.vm.name, uuid: selection.vm.uuid };
  const make = (verb: Verb, device?: DeviceFacts, more: Partial<Act> = {}): PlannedAct => ({
    act: {
      verb,
      host: input.request.host,
      ...(verb === 'dismount' || verb === 'mount' ? {} : { vm }),
      ...(device ? { device: actDevice(input, selection, device) } : {}),
      ...more,
    },
    commands: [],
  });
  const mayCutPower = input.request.powerOff === 'allowed' && selection.vm.power === 'running';
  return {
    step(verb, device, more = {}) {
      const forward = make(verb, device, more);
      const back = oppositeVerb[verb];
      const leavesGuest = (verb === 'attach' || verb === 'detach') && more.placement === 'hot';
      return {
        name: actName(forward.act),
        summary: summaries[verb](device?.address ?? vm.name, vm.name, more.placement),
        branch: branchOf[verb],
        forward,
        inverse: make(
          back,
          device,
          back === 'quiesce' ? { force: true } : more.placement ? { placement: more.placement } : {},
        ),
        escalation: leavesGuest && mayCutPower ? [make('quiesce', undefined, { force: true })] : [],
        onlyAfterEscalation: false,
        effects: effects[verb](device?.name ?? vm.name, vm.name),
        typicalSeconds: seconds[verb].typical,
        limitSeconds: seconds[verb].limit,
      };
    },
  };
}

function actDevice(input: PlanInput, selection: Selection, device: DeviceFacts): ActDevice {
  const origin = input.origins.find((one) => one.address === device.address);
  return {
    address: device.address,
    mode: device.mode,
    fingerprint: device.fingerprint,
    unit: device.unit,
    members: selection.devices
      .filter((one) => one.unit === device.unit)
      .map((one) => one.address)
      .sort(),
    hostDriver: device.holder.kind === 'host' ? device.holder.driver : (origin?.hostDriver ?? null),
  };
}

function assemble(input: PlanInput, selection: Selection, steps: Step[], powerCycle: boolean): Plan {
  const { request, view } = input;
  const { vm, devices, bridges } = selection;
  const estimate = steps
    .filter((step) => !step.onlyAfterEscalation)
    .reduce((sum, step) => sum + step.typicalSeconds, 0);
  const attaching = request.action === 'attach';
  const resume = actMaker(input, selection).step('resume').forward;
  return {
    version: 1,
    action: request.action,
    host: request.host,
    site: request.site,
    basis: {
      hostIdentity: view.host.identity,
      vm: { name: vm.name, uuid: vm.uuid, power: vm.power, settings: vm.settings },
      devices: devices.map((device) => ({
        address: device.address,
        fingerprint: device.fingerprint,
        members: devices
          .filter((one) => one.unit === device.unit)
          .map((one) => one.address)
          .sort(),
        bridges: bridges
          .filter((one) => one.unit === device.unit)
          .map((one) => one.address)
          .sort(),
        hostDriver: actDevice(input, selection, device).hostDriver,
        resetMethods: device.resetMethods,
      })),
    },
    steps,
    restorePower: vm.power === 'running' ? resume : null,
    onUnhealthy: request.onUnhealthy,
    requirements: input.requirements,
    hostLoses: attaching ? devices.map((device) => `${device.address} ${device.name}`) : [],
    vmLoses: attaching
      ? view.capabilities.vmLoses
      : devices.map((device) => `${device.address} ${device.name}`),
    risks: risksOf(input, selection, powerCycle),
    powerCycles: powerCycle ? 1 : 0,
    estimateSeconds: estimate,
    undoSeconds: estimate + steps.reduce((most, step) => Math.max(most, step.limitSeconds), 0),
  };
}

function risksOf({ request, view, probe }: PlanInput, selection: Selection, powerCycle: boolean): Risk[] {
  const { vm, devices, companions } = selection;
  const risk = (code: Risk['code'], text: string): Risk => ({ code, text });
  const names = (list: DeviceFacts[]): string => list.map((device) => device.address).join(', ');
  const unresettable = devices.filter((device) => device.resetMethods.length === 0);
  const weak = devices.filter((device) => isWeakFingerprint(device.fingerprint));
  return [
    ...(unresettable.length
      ? [
          risk(
            'no-reset-method',
            `${names(unresettable)} can't be reset: state of one owner may reach the next`,
          ),
        ]
      : []),
    ...(companions.length
      ? [risk('larger-unit', `${names(companions)} must move too: same isolation unit`)]
      : []),
    ...(weak.length
      ? [risk('weak-fingerprint', `${names(weak)} has no serial number: told apart by its place only`)]
      : []),
    ...(view.capabilities.pinsMemory && request.action === 'attach'
      ? [risk('memory-pinned', `${vm.memoryMiB} MiB of VM ${vm.name} are pinned on the host`)]
      : []),
    ...(powerCycle ? [risk('power-cycle', `VM ${vm.name} is powered off and on`)] : []),
    ...(probe === 'none'
      ? [
          risk(
            'no-probe',
            `nobody looks into the guest of ${vm.name}: the device is proven on the host side only`,
          ),
        ]
      : []),
    ...(view.capabilities.fencesEveryAct
      ? []
      : [risk('not-fenced', 'not every call to this hypervisor can be fenced')]),
  ];
}

function refused(...failures: Failure[]): Planned {
  return { ok: false, failures };
}
