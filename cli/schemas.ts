// Written from docs/openapi.json by `node dist/cli/write-schemas.js`. Do not edit.

export interface ActView {
  verb: 'quiesce' | 'resume' | 'prepare' | 'restore' | 'dismount' | 'mount' | 'attach' | 'detach';
  /** Address of the device it is about */
  device?: string;
  /** Name of the VM it is about */
  vm?: string;
  /** What the hypervisor will be told */
  commands: NativeCommandView[];
}

export interface AuditEventView {
  /** The chain: a change's id, or `site/ID` */
  changeId: string;
  /** Place in the chain, from 1 */
  sequence: number;
  key: string;
  at: string;
  /** `ISSUER#SUBJECT`, or `slipway` */
  actor: string;
  kind: string;
  data: Record<string, unknown>;
  /** Hash of the event before it; zeros for the first */
  previous: string;
  /** sha-256 of the RFC 8785 canonical JSON of all the rest */
  hash: string;
}

export interface AuditExportView {
  version: 1;
  changeId?: string;
  events: AuditEventView[];
  heads: ChainHeadView[];
  checkpoints: SignedCheckpointView[];
}

export interface AuditPageView {
  items: AuditEventView[];
  next: string | null;
}

export interface CapabilitiesView {
  /** A running VM can take a device */
  hotAttach: boolean;
  /** Every act passes a guard that refuses late workers */
  fencesEveryAct: boolean;
  dismountMayNeedReboot: boolean;
  pinsMemory: boolean;
  /** What a VM can't do while it has a device */
  vmLoses: string[];
}

export interface ChainHeadView {
  changeId: string;
  sequence: number;
  hash: string;
}

export interface ChangePageView {
  items: ChangeView[];
  /** Cursor of the next page */
  next: string | null;
}

export interface ChangeRequestDto {
  apiVersion?: 'slipway/v1';
  kind?: 'ChangeRequest';
  action: 'attach' | 'return' | 'move' | 'adopt';
  /** Id of a host of the estate */
  host: string;
  /** The VM that receives or gives back; for move the one that receives */
  vm: string;
  /** For move only: the VM that gives */
  from?: string;
  devices: RequestedDeviceDto[];
  /** Consent that the other members of each unit move too */
  wholeUnit?: boolean;
  powerOff?: 'allowed' | 'never';
  /** What to do when the guest sees the device and its driver does not work */
  onUnhealthy?: 'undo' | 'keep';
  /** When it may run; absent: as soon as policy allows */
  window?: WindowDto;
  /** How long the VM may keep the devices */
  lease?: LeaseDto;
  class?: 'normal' | 'standard' | 'emergency';
  reason: string;
  /** Number in the change management of the house */
  ticket?: string;
}

export interface ChangeView {
  id: string;
  request: RequestView;
  requester: IdentityView;
  requesterName: string;
  state: 'inspecting' | 'awaiting-review' | 'scheduled' | 'gate' | 'running' | 'verifying' | 'undoing' | 'held' | 'parked' | 'closed';
  ending: 'succeeded' | 'refused' | 'rejected' | 'expired' | 'withdrawn' | 'undone' | 'closed-by-operator' | null;
  /** Review round: grows when a plan had to be made anew */
  round: number;
  planHash: string | null;
  missing: MissingReviewsView[];
  clocks: ClocksView;
  /** Why it was refused, is held, parked, or was undone */
  failures: FailureView[];
  /** What it waits for, in words: a window, a claim, a worker, a person */
  waitingFor: string | null;
  /** Of a parked change: how far each branch came, and the commands for an operator */
  halfState: Record<string, unknown> | null;
  /** True: proven back to where it was */
  restored: boolean | null;
  /** Whether its workflow has been started; a moment after it was created it is */
  started: boolean;
  createdAt: string;
  updatedAt: string;
  links: LinksView;
}

export interface CheckpointView {
  version: 1;
  number: number;
  at: string;
  previous: string;
  heads: ChainHeadView[];
}

export interface ClaimView {
  changeId: string;
  epoch: number;
}

export interface ClocksView {
  /** When reviews must be complete */
  reviewUntil?: string;
  /** When the first act must have happened */
  executeUntil?: string;
  /** When the reviewed plan is too old to run */
  planUntil?: string;
  /** When the lease ends */
  leaseUntil?: string;
  /** When the lease can no longer be extended */
  leaseLimit?: string;
}

export interface DeviceOfRequestView {
  address: string;
  alias?: string;
  mode: 'pci' | 'vf' | 'vgpu' | 'disk' | 'usb';
  fingerprint?: FingerprintDto;
}

export interface DevicePageView {
  items: DeviceView[];
  next: string | null;
}

export interface DeviceView {
  host: string;
  site: string;
  address: string;
  alias: string | null;
  mode: 'pci' | 'vf' | 'vgpu' | 'disk' | 'usb';
  name: string;
  fingerprint: FullFingerprintView;
  /** Devices of the same unit move together */
  unit: string;
  /** A bridge stays where it is */
  bridge: boolean;
  /** Who holds it, as last seen */
  holder: HolderView;
  /** The newest holder that could be read */
  knownHolder: HolderView | null;
  knownAt: string | null;
  /** What on the host would lose it */
  uses: HostUseView[];
  resetMethods: string[];
  isolation: 'isolated' | 'none';
  claim: ClaimView | null;
  quarantine: QuarantineView | null;
  /** Since when the host no longer shows it */
  goneAt: string | null;
  observedAt: string;
}

export interface DifferenceView {
  subject: string;
  name: string;
  before: string | null;
  after: string | null;
}

export interface EvidenceView {
  changeId: string;
  /** What was observed before the first act */
  before: SnapshotView | null;
  /** What was observed at the end */
  after: SnapshotView | null;
  /** Whether before and after are the same, as after a full undo they must be; null as long as one of them is missing */
  equal: boolean | null;
  differences: DifferenceView[];
  histories: HistoryView[];
}

export interface FactView {
  subject: string;
  name: string;
  value: string;
  /** The command it came from */
  command: string;
  /** The raw reply */
  raw: string;
}

export interface FailureView {
  /** Stable reason, e.g. device-in-use-by-host */
  reason: string;
  message: string;
  where?: PlaceView;
  expected?: string;
  actual?: string;
  /** The hypervisor's own words */
  cause?: string;
}

export interface FieldErrorView {
  /** JSON pointer into the body, or `query NAME`, `header NAME` */
  pointer: string;
  detail: string;
}

export interface FingerprintDto {
  /** Vendor id, hexadecimal */
  vendor?: string;
  /** Device id, hexadecimal */
  device?: string;
  /** Subsystem vendor and device id */
  subsystem?: string;
  /** Class code */
  class?: string;
  /** Serial number */
  serial?: string;
  /** Slot path, for devices without a serial number */
  slot?: string;
}

export interface FullFingerprintView {
  vendor: string;
  device: string;
  subsystem?: string;
  class?: string;
  serial?: string;
  slot?: string;
}

export interface HistoryView {
  /** Of the exported history of the change's workflow */
  sha256: string;
  storedAt: string;
}

export interface HolderView {
  /** nobody: taken from the host and with no VM; unknown: it could not be read */
  kind: 'host' | 'vm' | 'nobody' | 'unknown';
  driver?: string | null;
  vm?: string;
  why?: string;
}

export interface HostListView {
  items: HostView[];
}

export interface HostUseView {
  kind: 'mount' | 'swap' | 'lvm' | 'md' | 'zfs' | 'holder' | 'default-route' | 'bridge-port' | 'own-connection' | 'boot-display' | 'virtual-functions';
  detail: string;
}

export interface HostView {
  id: string;
  site: string;
  /** False: of the estate, and nobody has looked at it yet */
  seen: boolean;
  /** Whether its IOMMU isolates devices */
  isolation: 'on' | 'off' | null;
  /** What it lacks for passthrough */
  missing: string[];
  capabilities: CapabilitiesView | null;
  vms: VmView[];
  /** Its site is on hold: no change begins or goes on */
  held: boolean;
  observedAt: string | null;
}

export interface IdentityView {
  /** The OIDC issuer */
  issuer: string;
  /** The subject at that issuer; compared together with it */
  subject: string;
}

export interface LeaseDto {
  until: string;
}

export interface LinksView {
  /** This change */
  self: string;
  /** Its history in Temporal's own UI; null if none is configured */
  temporal: string | null;
}

export interface MeView {
  identity: IdentityView;
  name: string;
  roles: ('requester' | 'approver' | 'operator' | 'auditor' | 'admin')[];
  groups: string[];
  /** A program without a person: it may submit, never review */
  machine: boolean;
}

export interface MissingReviewsView {
  requirement: string;
  count: number;
  /** Empty: anybody who may approve */
  groups: string[];
}

export interface NativeCommandView {
  tool: string;
  argv: string[];
  /** Document on standard input or behind a file argument */
  input?: string;
}

export interface OrderView {
  changeId: string;
  /** Where the change stood when it took the order */
  state: 'inspecting' | 'awaiting-review' | 'scheduled' | 'gate' | 'running' | 'verifying' | 'undoing' | 'held' | 'parked' | 'closed';
  status: 'accepted' | 'needs a second person';
  /** For the second operator: send it with the same resolution */
  proposal?: string;
}

export interface PlaceView {
  host?: string;
  vm?: string;
  address?: string;
  field?: string;
}

export interface PlanView {
  changeId: string;
  round: number;
  /** What a review is for */
  planHash: string;
  action: 'attach' | 'return' | 'move' | 'adopt';
  host: string;
  vm: string;
  steps: StepView[];
  hostLoses: string[];
  vmLoses: string[];
  risks: RiskView[];
  requirements: RequirementView[];
  powerCycles: number;
  onUnhealthy: 'undo' | 'keep';
  estimateSeconds: number;
  undoSeconds: number;
  /** Facts that were read and matter: other ones later mean another plan */
  basis: Record<string, unknown>;
  /** What the hash is made of: sha-256 of its RFC 8785 canonical JSON */
  material: Record<string, unknown>;
  storedAt: string;
}

export interface ProblemView {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** The path that was asked for */
  instance: string;
  /** The last part of `type` */
  code: string;
  errors: FieldErrorView[];
  /** Whether the same request may simply be sent again */
  retryable: boolean;
  /** What to do about it */
  remediation: string;
}

export interface QuarantineView {
  changeId: string;
  why: string;
  since: string;
}

export interface RanCommandView {
  tool: string;
  argv: string[];
  /** Document on standard input or behind a file argument */
  input?: string;
  exitCode: number | null;
  stdout: string;
  stderr: string;
  milliseconds: number;
}

export interface ReadinessView {
  status: 'ready' | 'not-ready';
  /** `ok`, or what is wrong, per thing the API needs */
  checks: Record<string, string>;
}

export interface RequestView {
  action: 'attach' | 'return' | 'move' | 'adopt';
  host: string;
  site: string;
  vm: string;
  from?: string;
  devices: DeviceOfRequestView[];
  wholeUnit: boolean;
  powerOff: 'allowed' | 'never';
  onUnhealthy: 'undo' | 'keep';
  window?: WindowDto;
  lease?: LeaseDto;
  class: 'normal' | 'standard' | 'emergency';
  reason: string;
  ticket?: string;
}

export interface RequestedDeviceDto {
  /** Where it is now; this or `alias` */
  address?: string;
  /** A name the estate gives to an address of the host */
  alias?: string;
  mode?: 'pci' | 'vf' | 'vgpu' | 'disk' | 'usb';
  /** What must be found at the address, else the change is refused */
  fingerprint?: FingerprintDto;
}

export interface RequirementView {
  id: string;
  /** So many distinct people */
  count: number;
  /** From any of these groups; empty: anybody who may approve */
  groups: string[];
}

export interface ResolveDto {
  /** retry: the remaining steps, through the gate; undo; accept what is observed; skip what could not be undone. The last two need a second operator. */
  resolution: 'retry' | 'undo' | 'accept' | 'skip';
  reason: string;
  /** Confirms what another operator proposed: the `proposal` of that answer */
  proposal?: string;
}

export interface ReviewAnswerView {
  status: 'counted' | 'recorded, not yet counted';
  decisionId: string;
  /** Absent as long as it is not counted */
  verdict?: 'approved' | 'rejected' | 'open';
  /** What policy still demands; absent as long as it is not counted */
  missing?: MissingReviewsView[];
}

export interface ReviewDto {
  /** Of the plan that was read; a review never counts for another one */
  planHash: string;
  decision: 'approve' | 'reject';
  /** A reject needs one */
  comment?: string;
  /** Chosen by the caller, so that a repetition counts once; 8 to 64 of A-Z a-z 0-9 _ - */
  decisionId?: string;
}

export interface ReviewListView {
  items: ReviewView[];
}

export interface ReviewView {
  decisionId: string;
  planHash: string;
  decision: 'approve' | 'reject';
  reviewer: IdentityView;
  reviewerName: string;
  comment?: string;
  decidedAt: string;
  /** Null: recorded, not yet counted */
  outcome: 'counted' | 'refused' | null;
  refusal: string | null;
}

export interface RiskView {
  code: string;
  text: string;
}

export interface SignedCheckpointView {
  checkpoint: CheckpointView;
  digest: string;
  signature: string;
}

export interface SiteHoldView {
  by: IdentityView;
  reason: string;
  since: string;
}

export interface SiteListView {
  items: SiteView[];
}

export interface SiteView {
  id: string;
  hold: SiteHoldView | null;
}

export interface SnapshotView {
  round: number;
  facts: FactView[];
  /** sha-256 of the canonical JSON of the facts */
  digest: string;
  at: string;
}

export interface StepEvidenceView {
  before: FactView[];
  after: FactView[];
  /** What was run, with its replies */
  ran: RanCommandView[];
}

export interface StepProgressView {
  round: number;
  /** The step of the plan */
  name: string;
  direction: 'forward' | 'undo' | 'escalation';
  /** By which the host knows this operation again */
  opId: string;
  attempts: number;
  startedAt: string;
  endedAt: string | null;
  /** Null: it still runs; unknown: its reply was lost */
  outcome: 'done' | 'already' | 'failed' | 'unknown' | null;
  failure?: FailureView;
  commands: NativeCommandView[];
  evidence: StepEvidenceView;
}

export interface StepView {
  name: string;
  summary: string;
  /** The branch of undo it belongs to */
  branch: 'vm' | 'host';
  forward: ActView;
  /** How it is undone; null: irreversible */
  inverse: ActView | null;
  /** Done first if the guest does not let go */
  escalation: ActView[];
  /** Done only if an escalation cut the power */
  onlyAfterEscalation: boolean;
  effects: string[];
  /** Seconds it usually takes */
  typicalSeconds: number;
  /** Seconds after which its outcome counts as unknown */
  limitSeconds: number;
}

export interface StopDto {
  /** Why; kept in the audit chain */
  reason: string;
}

export interface TimelineView {
  changeId: string;
  /** Operations in the order in which they were begun */
  steps: StepProgressView[];
  /** Everything that was decided and done */
  events: AuditEventView[];
}

export interface VmView {
  name: string;
  uuid: string;
  power: 'running' | 'off' | 'paused' | 'crashed' | 'saved' | 'unknown';
  claim: ClaimView | null;
  goneAt: string | null;
}

export interface WindowDto {
  from: string;
  to: string;
}
