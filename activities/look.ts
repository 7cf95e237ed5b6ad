import { createHash } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { type Act, actName, type Fact, type Observation } from '../domain/act.js';
import { canonicalJson } from '../domain/canonical.js';
import type { ChangeRequest } from '../domain/change.js';
import { guestSubject, proveGoal } from '../domain/evidence.js';
import { type Failure, failure } from '../domain/failures.js';
import type { Fence, HostView, ProbeReport } from '../domain/hypervisor.js';
import { type Plan, planMaterial, withCommands } from '../domain/plan.js';
import { planChange } from '../domain/planning.js';
import type { Requirement } from '../domain/review.js';
import { storeEvidence } from '../records/evidence.js';
import { recordView } from '../records/inventory.js';
import { originsOn, storeOrigins } from '../records/origins.js';
import { storePlan } from '../records/plans.js';
import { type Dependencies, now } from './dependencies.js';

export interface InspectInput {
  changeId: string;
  round: number;
  request: ChangeRequest;
  requirements: Requirement[];
}

export type Inspected = { ok: true; plan: Plan; planHash: string } | { ok: false; failures: Failure[] };
export type InspectedAgain =
  { ok: true; plan: Plan; planHash: string; before: Fact[] } | { ok: false; failures: Failure[] };

export interface InspectAgainInput extends InspectInput {
  fence: Fence;
  planHash: string;
}

export interface ProofInput {
  changeId: string;
  round: number;
  plan: Plan;
  fence: Fence;
}

const heartbeatEveryMs = 1500;

export type Look = ReturnType<typeof createLook>;

/** Activities that read. They may run twice, at any time, and change nothing but the register's pictures. */
export function createLook(dependencies: Dependencies) {
  const { register, hypervisorOf, guestOf, aliasesOn, lookAgain } = dependencies;

  async function plan(input: InspectInput, view: HostView): Promise<Inspected> {
    const { request, requirements, changeId, round } = input;
    const addresses = view.devices.map((device) => device.address);
    const [origins] = await Promise.all([
      request.action === 'return' ? originsOn(register.db, view.host.identity, addresses) : [],
      recordView(register.db, request.host, request.site, view, now(), aliasesOn(request.host)),
    ]);
    const planned = planChange({ request, view, origins, requirements, probe: guestOf(request.vm).probe });
    if (!planned.ok) return planned;
    const hypervisor = hypervisorOf(request.host);
    const complete = withCommands(planned.plan, (act) => hypervisor.commands(act));
    const material = canonicalJson(planMaterial(complete));
    const planHash = createHash('sha256').update(material).digest('hex');
    await storePlan(register.db, { changeId, round, planHash, plan: complete, material });
    return { ok: true, plan: complete, planHash };
  }

  return {
    /** Reads the host and makes the plan, with every native command in it. */
    async inspect(input: InspectInput): Promise<Inspected> {
      return alive(async () =>
        plan(input, await hypervisorOf(input.request.host).inspect({ host: input.request.host })),
      );
    },

    /**
     * The gate's look: publishes the new epoch, inspects and plans again. If it is still the reviewed plan,
     * what undo and return will need is recorded before the first act.
     */
    async inspectAgain(input: InspectAgainInput): Promise<InspectedAgain> {
      return alive(async () => {
        const { request, fence, changeId, round } = input;
        const hypervisor = hypervisorOf(request.host);
        const again = await plan(input, await hypervisor.inspect({ host: request.host, fence }));
        if (!again.ok) return again;
        if (again.planHash !== input.planHash) return { ...again, before: [] };
        const before = await hypervisor.snapshot(snapshotQuery(again.plan));
        await storeEvidence(register.db, { changeId, round, moment: 'before', facts: before, at: now() });
        if (request.action === 'attach')
          await storeOrigins(register.db, again.plan.basis.hostIdentity, originsFrom(again.plan, changeId));
        return { ...again, before };
      });
    },

    /** Whether acts that were done still stand; publishes the new epoch first. */
    async stillStands(input: { host: string; acts: Act[]; fence: Fence }): Promise<Failure[]> {
      return alive(async () => {
        const hypervisor = hypervisorOf(input.host);
        await hypervisor.inspect({ host: input.host, fence: input.fence });
        const failures: Failure[] = [];
        for (const act of input.acts) {
          const { reached } = await hypervisor.observe(act);
          if (reached !== 'yes')
            failures.push(
              failure('plan-changed', {
                where: { host: input.host },
                expected: `${actName(act)} still holds`,
                actual: reached,
              }),
            );
        }
        return failures;
      });
    },

    async observe(input: { host: string; act: Act }): Promise<Observation> {
      return alive(() => hypervisorOf(input.host).observe(input.act));
    },

    /** Facts for evidence, after publishing the epoch. */
    async snapshot(input: ProofInput): Promise<Fact[]> {
      return alive(async () => {
        const facts = await hypervisorOf(input.plan.host).snapshot({
          ...snapshotQuery(input.plan),
          fence: input.fence,
        });
        lookAgain(input.plan.host);
        await storeEvidence(register.db, {
          changeId: input.changeId,
          round: input.round,
          moment: 'after',
          facts,
          at: now(),
        });
        return facts;
      });
    },

    /** Proves the goal on the host side and in the guest. Seen and healthy are two answers. */
    async verify(input: ProofInput): Promise<{ failures: Failure[]; probe: ProbeReport | null }> {
      return alive(async () => {
        const { plan: goal, changeId, round, fence } = input;
        const hypervisor = hypervisorOf(goal.host);
        const facts = await hypervisor.snapshot({ ...snapshotQuery(goal), fence });
        lookAgain(goal.host);
        const failures = proveGoal(goal, facts);
        const running = facts.some(
          (fact) =>
            fact.subject === `vm ${goal.basis.vm.name}` && fact.name === 'power' && fact.value === 'running',
        );
        const { probe: kind } = guestOf(goal.basis.vm.name);
        const probe = failures.length === 0 && running && kind !== 'none' ? await probeGuest(goal) : null;
        const testimony = (probe?.facts ?? []).map((fact) => ({
          ...fact,
          subject: guestSubject(goal.basis.vm.name),
        }));
        const all = [...facts, ...testimony];
        await storeEvidence(register.db, { changeId, round, moment: 'after', facts: all, at: now() });
        return { failures: [...failures, ...(probe ? judgeGuest(goal, probe) : [])], probe };
      });
    },
  };

  async function probeGuest(goal: Plan): Promise<ProbeReport> {
    const devices = snapshotQuery(goal).devices;
    const query = {
      host: goal.host,
      vm: goal.basis.vm,
      devices,
      expect: goal.action === 'return' ? ('absent' as const) : ('present' as const),
      ...guestOf(goal.basis.vm.name),
    };
    return hypervisorOf(goal.host).probe(
      query,
      () => Context.current().heartbeat(),
      Context.current().cancellationSignal,
    );
  }
}

/** A guest that has not what it should have fails the goal; one whose driver fails, or that can't be asked, is policy's to decide. */
function judgeGuest(goal: Plan, probe: ProbeReport): Failure[] {
  const where = { host: goal.host, vm: goal.basis.vm.name };
  const leaving = goal.action === 'return';
  const expected = leaving ? 'no longer seen in the guest' : 'seen in the guest';
  const against = leaving ? 'yes' : 'no';
  if (probe.seen === against)
    return [failure('guest-unseen', { where, expected, actual: leaving ? 'still seen' : 'not seen' })];
  if (goal.onUnhealthy === 'keep' || leaving) return [];
  if (probe.seen === 'unknown')
    return [failure('guest-unseen', { where, expected, actual: 'the guest can’t be asked' })];
  return probe.healthy === 'no' ? [failure('guest-unhealthy', { where, actual: 'no working driver' })] : [];
}

function snapshotQuery(plan: Plan) {
  const acts = plan.steps.map((step) => step.forward.act);
  const devices = acts.flatMap((act) => (act.device ? [act.device] : []));
  const unique = devices.filter(
    (device, index) => devices.findIndex((one) => one.address === device.address) === index,
  );
  return { host: plan.host, devices: unique, vms: [{ name: plan.basis.vm.name, uuid: plan.basis.vm.uuid }] };
}

function originsFrom(plan: Plan, changeId: string) {
  return plan.basis.devices.map(({ address, hostDriver, fingerprint }) => ({
    address,
    vm: plan.basis.vm.name,
    changeId,
    hostDriver,
    fingerprint,
    settings: plan.basis.vm.settings,
  }));
}

/** Tells Temporal that this worker lives while a host takes its time. */
async function alive<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), heartbeatEveryMs);
  try {
    return await work();
  } finally {
    clearInterval(beat);
  }
}
