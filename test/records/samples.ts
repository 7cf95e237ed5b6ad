import type { Fact, RanCommand } from '../../domain/act.js';
import type { AuditEvent } from '../../domain/audit.js';
import type { ChangeRequest, Identity } from '../../domain/change.js';
import type { DeviceFacts } from '../../domain/device.js';
import type { HostView } from '../../domain/hypervisor.js';
import type { SignedDecision } from '../../domain/review.js';
import { createChange, type NewChange } from '../../records/changes.js';
import type { Db } from '../../records/database.js';
import type { ProgressEntry } from '../../records/progress.js';
import type { StepEnd, StepIntent } from '../../records/steps.js';

const issuer = 'https://issuer.test';
export const requester: Identity = { issuer, subject: 'requester' };
export const approver: Identity = { issuer, subject: 'approver-1' };
export const operator: Identity = { issuer, subject: 'operator' };
export const noon = '2026-11-22T12:00:00.000Z';

/** `seconds` after noon. */
export function later(seconds: number): string {
  return new Date(Date.parse(noon) + seconds * 1000).toISOString();
}

export const request: ChangeRequest = {
  action: 'attach',
  host: 'kvm-01',
  site: 'lab',
  vm: 'voip-gateway',
  devices: [{ address: '0000:02:00.0', mode: 'pci' }],
  wholeUnit: true,
  powerOff: 'allowed',
  onUnhealthy: 'undo',
  class: 'normal',
  reason: 'gateway moves',
};

export function newChange(id: string, parts: Partial<NewChange> = {}): NewChange {
  return {
    id,
    request,
    requester,
    requesterName: 'Requester',
    editors: [],
    requestHash: 'hash-1',
    at: noon,
    ...parts,
  };
}

/** Stores changes that only differ in their ids. */
export async function storeChanges(db: Db, ...ids: string[]): Promise<void> {
  for (const id of ids) await createChange(db, newChange(id));
}

export function progress(
  changeId: string,
  sequence: number,
  parts: Partial<ProgressEntry> = {},
): ProgressEntry {
  const event = { key: `progress-${sequence}`, kind: 'change.moved', actor: 'slipway', data: { sequence } };
  return {
    changeId,
    sequence,
    at: later(sequence),
    state: 'awaiting-review',
    round: 1,
    events: [event],
    ...parts,
  };
}

export function event(changeId: string, key: string, data: Record<string, unknown> = {}): AuditEvent {
  return { changeId, key, at: noon, actor: 'slipway', kind: 'test.happened', data };
}

export function decision(changeId: string, parts: Partial<SignedDecision> = {}): SignedDecision {
  return {
    version: 1,
    decisionId: `${changeId}-decision-1`,
    changeId,
    planHash: 'plan-1',
    decision: 'approve',
    reviewer: approver,
    reviewerName: 'Approver One',
    groups: ['change-board'],
    decidedAt: noon,
    signature: 'c2lnbmF0dXJl',
    ...parts,
  };
}

export const deviceKey = 'device/identity-1/0000:02:00.0';
export const vmKey = 'vm/uuid-1';

export function intent(changeId: string, epoch: number, parts: Partial<StepIntent> = {}): StepIntent {
  return {
    changeId,
    round: 1,
    name: 'dismount 0000:02:00.0',
    direction: 'forward',
    opId: `${changeId}-op-1`,
    epoch,
    sequence: 1,
    attempt: 1,
    keys: [deviceKey],
    commands: [{ tool: 'virsh', argv: ['nodedev-detach', 'pci_0000_02_00_0'] }],
    at: noon,
    ...parts,
  };
}

export function end(changeId: string, epoch: number, parts: Partial<StepEnd> = {}): StepEnd {
  return {
    changeId,
    opId: `${changeId}-op-1`,
    epoch,
    sequence: 1,
    attempt: 1,
    outcome: 'done',
    before: [fact('driver', 'e1000e')],
    after: [fact('driver', 'vfio-pci')],
    ran: [],
    at: later(5),
    ...parts,
  };
}

export function fact(name: string, value: string, raw = value): Fact {
  return { subject: 'device 0000:02:00.0', name, value, command: 'readlink driver', raw };
}

export function ran(stdout: string): RanCommand {
  return { tool: 'virsh', argv: ['list'], exitCode: 0, stdout, stderr: '', milliseconds: 3 };
}

export function device(
  address: string,
  holder: DeviceFacts['holder'] = { kind: 'host', driver: 'e1000e' },
): DeviceFacts {
  return {
    address,
    mode: 'pci',
    name: 'Network card',
    fingerprint: { vendor: '8086', device: '10d3', serial: `S-${address}` },
    unit: address,
    bridge: false,
    holder,
    resetMethods: ['flr'],
    uses: [],
    isolation: 'isolated',
  };
}

export function view(devices: DeviceFacts[]): HostView {
  return {
    host: { id: 'kvm-01', identity: 'identity-1', bootId: 'boot-1', isolation: 'on', missing: [] },
    capabilities: {
      hotAttach: true,
      fencesEveryAct: true,
      dismountMayNeedReboot: false,
      pinsMemory: true,
      vmLoses: [],
    },
    devices,
    vms: [
      {
        name: 'voip-gateway',
        uuid: 'uuid-1',
        power: 'running',
        memoryMiB: 512,
        freePorts: 2,
        devices: [],
        settings: {},
        labels: {},
      },
    ],
  };
}
