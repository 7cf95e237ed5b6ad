import type { ColumnType, Generated } from 'kysely';
import type { Fact, NativeCommand, RanCommand } from '../domain/act.js';
import type { ChangeRequest, ChangeState, Ending, Identity } from '../domain/change.js';
import type { DeviceFacts, Holder } from '../domain/device.js';
import type { Failure } from '../domain/failures.js';
import type { Capabilities, HostFacts, VmFacts } from '../domain/hypervisor.js';
import type { Origin } from '../domain/origin.js';
import type { Plan } from '../domain/plan.js';
import type { SignedDecision } from '../domain/review.js';
import type { HalfState, MissingReviews, ShownClocks } from './progress.js';

/** A JSON document: read as data, written as text made by `document()`. */
type Doc<T> = ColumnType<T, string, string>;
/** RFC 3339, UTC, milliseconds. */
type Time = string;

/** The tables of the register, as the queries see them; `migrations/` makes them. */
export interface Tables {
  changes: ChangesTable;
  plans: {
    change_id: string;
    round: number;
    plan_hash: string;
    plan: Doc<Plan>;
    material: Doc<unknown>;
    stored_at: Generated<Time>;
  };
  reviews: ReviewsTable;
  review_outcomes: {
    decision_id: string;
    change_id: string;
    outcome: 'counted' | 'refused';
    refusal: string | null;
    at: Time;
  };
  step_attempts: StepAttemptsTable;
  claims: {
    key: string;
    change_id: string | null;
    epoch: number;
    last_change_id: string | null;
    claimed_at: Time | null;
  };
  host_shares: {
    host: string;
    change_id: string;
    exclusive: boolean;
    epoch: number;
    claimed_at: Generated<Time>;
  };
  waiting_line: {
    ticket: Generated<number>;
    change_id: string;
    keys: string[];
    host: string | null;
    exclusive: boolean;
    since: Generated<Time>;
    first_until: Time;
  };
  quarantines: { key: string; change_id: string; why: string; since: Generated<Time> };
  origins: {
    host: string;
    address: string;
    change_id: string;
    origin: Doc<Origin>;
    stored_at: Generated<Time>;
  };
  evidence: {
    change_id: string;
    round: number;
    moment: 'before' | 'after';
    facts: Doc<Fact[]>;
    digest: string;
    at: Time;
  };
  histories: { change_id: string; sha256: string; json: string; stored_at: Generated<Time> };
  hosts: HostsTable;
  devices: DevicesTable;
  vms: {
    host: string;
    uuid: string;
    name: string;
    facts: Doc<VmFacts>;
    hash: string;
    gone_at: Time | null;
    changed_at: Time;
  };
  site_holds: { site: string; held_by: Doc<Identity>; reason: string; since: Time };
  outbox: OutboxTable;
  audit_events: AuditEventsTable;
  audit_heads: { change_id: string; sequence: number; hash: string };
  checkpoints: { number: number; at: Time; digest: string; checkpoint: Doc<unknown>; signature: string };
  checkpoint_heads: { change_id: string; sequence: number };
}

interface ChangesTable {
  id: string;
  request: Doc<ChangeRequest>;
  request_hash: string;
  idempotency_key: string | null;
  requester_issuer: string;
  requester_subject: string;
  requester_name: string;
  editors: Doc<Identity[]>;
  action: string;
  site: string;
  host: string;
  vm: string;
  /** Normal addresses of the devices asked for. */
  devices: string[];
  state: ChangeState;
  ending: Ending | null;
  round: number;
  plan_hash: string | null;
  missing: Doc<MissingReviews[]>;
  clocks: Doc<ShownClocks>;
  failures: Doc<Failure[]>;
  waiting_for: string | null;
  half_state: Doc<HalfState> | null;
  restored: boolean | null;
  /** Sequence of the newest progress entry that is in this row. */
  sequence: number;
  /** Grows with every write: an ETag. */
  version: Generated<number>;
  started_at: Time | null;
  created_at: Time;
  updated_at: Time;
}

interface ReviewsTable {
  decision_id: string;
  change_id: string;
  plan_hash: string;
  reviewer_issuer: string;
  reviewer_subject: string;
  decision: Doc<SignedDecision>;
  stored_at: Generated<Time>;
}

interface StepAttemptsTable {
  op_id: string;
  epoch: number;
  sequence: number;
  attempt: number;
  change_id: string;
  round: number;
  name: string;
  direction: 'forward' | 'undo' | 'escalation';
  keys: string[];
  commands: Doc<NativeCommand[]>;
  started_at: Time;
  ended_at: Time | null;
  outcome: 'done' | 'already' | 'failed' | 'unknown' | null;
  failure: Doc<Failure> | null;
  before: Doc<Fact[]> | null;
  after: Doc<Fact[]> | null;
  ran: Doc<RanCommand[]> | null;
}

interface HostsTable {
  id: string;
  site: string;
  identity: string;
  facts: Doc<HostFacts>;
  capabilities: Doc<Capabilities>;
  /** Digest of the whole view: equal means that nothing is written but `observed_at`. */
  hash: string;
  observed_at: Time;
  changed_at: Time;
}

interface DevicesTable {
  host: string;
  address: string;
  alias: string | null;
  facts: Doc<DeviceFacts>;
  /** The newest holder that was not `unknown`: an unreadable host frees nothing. */
  known_holder: Doc<Holder> | null;
  known_at: Time | null;
  hash: string;
  gone_at: Time | null;
  changed_at: Time;
}

interface OutboxTable {
  id: Generated<number>;
  change_id: string;
  key: string;
  kind: string;
  at: Time;
  actor: string;
  data: Doc<Record<string, unknown>>;
  attempts: Generated<number>;
  leased_until: Time | null;
  delivered_at: Time | null;
}

interface AuditEventsTable {
  change_id: string;
  sequence: number;
  key: string;
  at: Time;
  actor: string;
  kind: string;
  data: Doc<Record<string, unknown>>;
  previous: string;
  hash: string;
}
