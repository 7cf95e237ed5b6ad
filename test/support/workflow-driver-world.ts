import { createHash } from 'node:crypto';
import { applicationFailure } from '../../activities/failures.js';
import type {
  ActInput,
  InspectedAgain,
  Inspected,
  Look,
  Tell,
  Telling,
  Touch,
} from '../../activities/index.js';
import { type Act, actName, claimKeys, type Fact } from '../../domain/act.js';
import { canonicalJson } from '../../domain/canonical.js';
import type { ChangeState, Identity } from '../../domain/change.js';
import type { DeviceFacts } from '../../domain/device.js';
import { proveGoal } from '../../domain/evidence.js';
import { type Failure, failure, type Reason, SlipwayError } from '../../domain/failures.js';
import type { HostView } from '../../domain/hypervisor.js';
import type { Origin } from '../../domain/origin.js';
import { planMaterial, withCommands } from '../../domain/plan.js';
import { planChange } from '../../domain/planning.js';
import type { Decision, SignedDecision } from '../../domain/review.js';
import { askWindow } from '../../domain/window.js';
import { card, device, sibling, view, vmName } from '../domain/samples.js';
import { Lost } from './workflow-driver-payloads.js';

/** What the world remembers, in the order in which it happened. */
export type Entry =
  | {
      kind: 'act';
      name: string;
      direction: ActInput['direction'];
      effect: 'done' | 'already' | 'refused';
      epoch: number;
      /** Known again by the host: one effect for each. */
      key: string;
      at: number;
      /** Whether the change held all that the act touches. */
      claimed: boolean;
      planHash: string;
    }
  | { kind: 'verified'; decision: SignedDecision }
  | { kind: 'told'; state: ChangeState; events: string[]; entry: Telling }
  | { kind: 'claimed' | 'raised'; epoch: number }
  | { kind: 'review'; decision: SignedDecision; refusal: string | null }
  | { kind: 'released' | 'quarantined' | 'quarantine-ended' | 'proof' | 'look' };

/** Goes wrong at an act, the next `times` that fit: before its effect, after it, or with the answer lost. */
export interface Fault {
  verb?: Act['verb'];
  direction?: ActInput['direction'];
  kind: 'before' | 'after' | 'lost-before' | 'lost-after';
  reason?: Reason;
  times: number;
}

type Activities = Tell & Look & Touch;
const passthrough = 'vfio-pci';

/** A small host and a small register, which the activities of a change under test look at and change. */
export class World {
  readonly ledger: Entry[] = [];
  faults: Fault[] = [];
  registerDown = false;
  /** The host answers nobody. */
  hostAway = false;
  /** The guest lets no device go while it runs. */
  deaf = false;
  /** What the guest says after the host's facts are proven. */
  guest: Failure[] = [];
  siteHold: string | null = null;
  now: () => number = Date.now;
  /** Called in the middle of an act, after its effect. */
  during: (input: ActInput) => void = () => undefined;
  readonly claims = new Map<string, string>();
  readonly quarantines = new Map<string, string>();
  readonly origins = new Map<string, Origin>();
  readonly line = new Set<string>();
  host: HostView;
  epoch = 0;

  constructor(devices: DeviceFacts[] = [device(card, { unit: 'u' }), device(sibling, { unit: 'u' })]) {
    this.host = view({ devices });
  }

  deviceAt(address: string): DeviceFacts {
    return this.host.devices.find((one) => one.address === address)!;
  }

  get vm() {
    return this.host.vms[0]!;
  }

  /** A decision as the API signs it. */
  decision(by: string, planHash: string, more: Partial<Decision> = {}): SignedDecision {
    const plain: Decision = {
      ...{ version: 1, decisionId: `${by}/${planHash.slice(0, 8)}/approve`, changeId: 'change-1', planHash },
      ...{ decision: 'approve', reviewer: person(by), reviewerName: by, groups: [] },
      ...{ decidedAt: new Date(this.now()).toISOString(), ...more },
    };
    return { ...plain, signature: signatureOf(plain) };
  }

  acts(): string[] {
    return this.ledger.flatMap((one) => (one.kind === 'act' && one.effect === 'done' ? [one.name] : []));
  }

  states(): ChangeState[] {
    const told = this.ledger.flatMap((one) => (one.kind === 'told' ? [one.state] : []));
    return told.filter((state, index) => state !== told[index - 1]);
  }

  lastTold() {
    return this.ledger.findLast((one) => one.kind === 'told')!.entry;
  }

  private isTold(entry: Telling | undefined): void {
    if (!entry) return;
    this.note({ kind: 'told', state: entry.state, events: entry.events.map(({ kind }) => kind), entry });
  }

  readonly activities: Activities = {
    recordProgress: async (telling) => {
      this.register();
      this.isTold(telling);
    },
    recordOutcome: async () => this.register(),
    verifyReview: async ({ decision }) => {
      this.register();
      const { signature, ...plain } = decision ?? {};
      const genuine = signature === signatureOf(plain);
      if (genuine) this.note({ kind: 'verified', decision });
      return { genuine };
    },
    settleReview: async ({ decision, refusal, telling }) => {
      this.register();
      this.note({ kind: 'review', decision, refusal });
      this.isTold(telling);
    },
    mayStart: async ({ site, window, neededMs, startBy }) => {
      this.register();
      if (this.now() >= startBy)
        return { go: false, retryInMs: null, why: 'the time in which it could be run is over' };
      if (this.siteHold)
        return { go: false, retryInMs: startBy - this.now(), why: `site ${site}: ${this.siteHold}` };
      const answer = askWindow(window, this.now(), neededMs);
      if (answer.open) return { go: true, retryInMs: 0, why: '' };
      return { go: false, retryInMs: answer.opensInMs, why: answer.why };
    },
    claim: async ({ changeId, keys, telling }) => {
      this.register();
      this.isTold(telling);
      const held = keys.filter((key) => (this.claims.get(key) ?? changeId) !== changeId);
      const locked = keys.filter((key) => (this.quarantines.get(key) ?? changeId) !== changeId);
      if (held.length === 0 && locked.length === 0) {
        for (const key of keys) this.claims.set(key, changeId);
        this.line.delete(changeId);
        this.note({ kind: 'claimed', epoch: (this.epoch += 1) });
        return { granted: true, epoch: this.epoch };
      }
      if (locked.length === 0) this.line.add(changeId);
      const heldBy = held.map((key) => ({ key, changeId: this.claims.get(key)! }));
      const quarantined = locked.map((key) => ({ key, changeId: this.quarantines.get(key)!, why: 'parked' }));
      return { granted: false, heldBy, quarantined };
    },
    raiseEpoch: async ({ changeId, keys, telling }) => {
      this.register();
      this.isTold(telling);
      if (![...this.claims.values()].includes(changeId)) {
        // The register has lost them: they are given back if nobody else has one.
        if (keys.some((key) => this.claims.has(key))) throw refused('stale-epoch', { actual: 'none' });
        for (const key of keys) this.claims.set(key, changeId);
      }
      this.note({ kind: 'raised', epoch: (this.epoch += 1) });
      return this.epoch;
    },
    release: async ({ changeId, forget, telling }) => {
      this.register();
      for (const [key, holder] of this.claims) if (holder === changeId) this.claims.delete(key);
      for (const address of forget?.addresses ?? []) this.origins.delete(address);
      const wake = [...this.line].filter((id) => id !== changeId);
      this.line.delete(changeId);
      this.epoch += 1;
      this.note({ kind: 'released' });
      this.isTold(telling);
      return { wake };
    },
    quarantine: async ({ changeId, keys }) => {
      this.register();
      for (const key of keys.filter((one) => one.startsWith('device/'))) this.quarantines.set(key, changeId);
      this.note({ kind: 'quarantined' });
    },
    endQuarantine: async ({ keys }) => {
      this.register();
      for (const key of keys) this.quarantines.delete(key);
      this.note({ kind: 'quarantine-ended' });
      return { wake: [] };
    },
    inspect: async (input) => {
      this.reach();
      return this.plan(input);
    },
    inspectAgain: async (input): Promise<InspectedAgain> => {
      this.reach();
      const planned = this.plan(input);
      if (!planned.ok) return planned;
      for (const { address, fingerprint, hostDriver } of planned.plan.basis.devices) {
        if (planned.planHash !== input.planHash || input.request.action !== 'attach') break;
        const origin = {
          address,
          vm: vmName,
          changeId: input.changeId,
          hostDriver,
          fingerprint,
          settings: {},
        };
        this.origins.set(address, origin);
      }
      return { ...planned, before: this.facts() };
    },
    stillStands: async ({ acts }) => {
      this.reach();
      this.note({ kind: 'look' });
      const fallen = acts.filter((act) => !this.holds(act));
      return fallen.map((act) =>
        failure('plan-changed', { expected: `${actName(act)} still holds`, actual: 'no' }),
      );
    },
    observe: async ({ act }) => {
      this.reach();
      this.note({ kind: 'look' });
      return { reached: this.holds(act) ? 'yes' : 'no', facts: this.facts() };
    },
    snapshot: async () => {
      this.reach();
      this.note({ kind: 'proof' });
      return this.facts();
    },
    verify: async ({ plan }) => {
      this.reach();
      this.note({ kind: 'proof' });
      const failures = proveGoal(plan, this.facts());
      return { failures: failures.length > 0 ? failures : this.guest, probe: null };
    },
    act: async (input) => this.act(input),
  };

  private async act(input: ActInput): ReturnType<Touch['act']> {
    const { act, direction, epoch, round, run, step } = input;
    this.register();
    this.reach();
    const name = actName(act);
    const key = [round, run, step, direction, act.verb].join('/');
    const claimed = claimKeys(input.hostIdentity, [act]).every(
      (one) => this.claims.get(one) === input.changeId,
    );
    const planHash = this.lastTold().planHash ?? '';
    const note = (effect: 'done' | 'already' | 'refused'): void =>
      this.note({ kind: 'act', name, direction, effect, epoch, key, at: this.now(), claimed, planHash });
    const fault = this.faults.find(
      (one) =>
        one.times > 0 && (one.verb ?? act.verb) === act.verb && (one.direction ?? direction) === direction,
    );
    if (fault) fault.times -= 1;
    const error = fault?.kind.startsWith('lost') ? new Lost() : refused(fault?.reason ?? 'act-refused');
    if (fault?.kind.endsWith('before')) {
      note('refused');
      throw error;
    }
    if (epoch !== this.epoch)
      throw refused('stale-epoch', { expected: `epoch ${epoch}`, actual: `${this.epoch}` });
    const result = this.holds(act) ? 'already' : 'done';
    if (result === 'done') this.change(act);
    note(result);
    this.during(input);
    if (fault) throw error;
    return { result, unrecorded: null };
  }

  /** The rules of a real host, as far as a change can tell. */
  private change(act: Act): void {
    const found = act.device && this.deviceAt(act.device.address);
    const inVm = found?.holder.kind === 'vm';
    const unitInVm = this.host.devices.some((one) => one.unit === found?.unit && one.holder.kind === 'vm');
    const running = this.vm.power === 'running';
    const nobody = { kind: 'nobody', driver: passthrough } as const;
    switch (act.verb) {
      case 'dismount':
        if (found!.holder.kind !== 'host') throw refused('device-in-use-by-vm');
        found!.holder = nobody;
        return;
      case 'mount':
        if (unitInVm) throw refused('device-in-use-by-vm');
        found!.holder = { kind: 'host', driver: act.device!.hostDriver };
        return;
      case 'attach':
        if (found!.holder.kind !== 'nobody') throw refused('unit-not-viable');
        if ((act.placement === 'hot') !== running) throw refused('vm-state-unfit', { actual: this.vm.power });
        found!.holder = { kind: 'vm', vm: act.vm!.name };
        return;
      case 'detach':
        if (inVm && running && this.deaf) throw refused('detach-pending');
        found!.holder = nobody;
        return;
      case 'quiesce':
        this.vm.power = 'off';
        return;
      case 'resume':
        this.vm.power = 'running';
        return;
      default:
        throw refused('action-unsupported', { actual: act.verb });
    }
  }

  private holds(act: Act): boolean {
    const holder = act.device && this.deviceAt(act.device.address).holder;
    switch (act.verb) {
      case 'dismount':
        return holder!.kind !== 'host';
      case 'mount':
        return holder!.kind === 'host';
      case 'attach':
        return holder!.kind === 'vm' && (act.placement === 'cold' || this.vm.power === 'running');
      case 'detach':
        return holder!.kind !== 'vm';
      case 'quiesce':
        return this.vm.power !== 'running';
      default:
        return this.vm.power === 'running';
    }
  }

  facts(): Fact[] {
    const fact = (subject: string, name: string, value: string): Fact => ({
      subject,
      name,
      value,
      command: '',
      raw: '',
    });
    return [
      ...this.host.devices.flatMap(({ address, holder }) => [
        fact(`device ${address}`, 'holder', holder.kind === 'vm' ? `vm ${holder.vm}` : holder.kind),
        fact(`device ${address}`, 'driver', holder.kind === 'host' ? (holder.driver ?? 'none') : passthrough),
      ]),
      fact(`vm ${vmName}`, 'power', this.vm.power),
    ];
  }

  private reach(): void {
    if (this.hostAway) throw refused('host-unreachable');
  }

  private plan({ request, requirements }: Parameters<Look['inspect']>[0]): Inspected {
    const origins = [...this.origins.values()];
    const planned = planChange({
      request,
      view: structuredClone(this.host),
      origins,
      requirements,
      probe: 'agent',
    });
    if (!planned.ok) return planned;
    const plan = withCommands(planned.plan, (act) => [{ tool: 'simctl', argv: [actName(act)] }]);
    return { ok: true, plan, planHash: sha256(canonicalJson(planMaterial(plan))) };
  }

  private register(): void {
    if (this.registerDown) throw refused('register-down');
  }

  private note(entry: Entry): void {
    this.ledger.push(entry);
  }
}

export function person(subject: string): Identity {
  return { issuer: 'https://issuer.example', subject };
}

function refused(reason: Reason, parts: Parameters<typeof failure>[1] = {}): Error {
  return applicationFailure(new SlipwayError(failure(reason, parts)));
}

function signatureOf(plain: object): string {
  return sha256(`the API's key ${canonicalJson(plain)}`);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
