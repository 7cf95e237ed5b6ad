import { createHash } from 'node:crypto';
import { expect } from '@jest/globals';
import { verifyExport } from '../../domain/audit-verify.js';
import type { ChangeOfApi } from '../../lab/demo/people.js';
import type { LedgerEntry } from '../../hypervisors/simulated/machine/ledger.js';
import { eventually } from '../support/eventually.js';
import type { Rig } from './rig.js';

interface State {
  devices: { address: string; holder?: unknown; driver: string | null }[];
  vms: { name: string; power: string; live: string[]; config: string[] }[];
}

/** What must hold after every run, seen by the simulator's ledger, by Temporal and by the register's own tables. */
export async function expectInvariants(
  rig: Rig,
  change: ChangeOfApi,
  expected: { address: string; heldBy: 'host' | 'vm' },
): Promise<void> {
  await expectOneOwner(rig, expected);
  await expectEachEffectOnceAndIntended(rig, change.id);
  expect(await rig.register('select key from claims where change_id = $1', [change.id])).toEqual([]);
  // The last act of a workflow tells that the change is closed; after that it has still to end itself.
  await eventually(async () => expect(await rig.workflowStatus(change.id)).toBe('COMPLETED'));
  expect(
    (await (await rig.as('auditor')).steps(change.id)).filter(({ outcome }) => outcome === null),
  ).toEqual([]);
  const audit = await (await rig.as('auditor')).audit(change.id);
  expect(verifyExport(audit, digest)).toMatchObject({ verified: true });
  expect(audit.events.filter(({ kind }) => kind === `change.${change.ending}`)).toHaveLength(1);
}

/** A device has one owner: its driver on the host, or the one VM that names it both live and in its definition. */
async function expectOneOwner(
  rig: Rig,
  { address, heldBy }: { address: string; heldBy: 'host' | 'vm' },
): Promise<void> {
  const { devices, vms } = await rig.simulator<State>('/hosts/sim-01/state');
  const driver = devices.find((device) => device.address === address)?.driver;
  const live = vms.filter((vm) => vm.live.includes(address)).map(({ name }) => name);
  const config = vms.filter((vm) => vm.config.includes(address)).map(({ name }) => name);
  const vm = heldBy === 'vm' ? ['voip-gateway'] : [];
  expect({ driver, live, config }).toEqual({
    driver: heldBy === 'host' ? 'nvme' : 'passthrough',
    live: vm,
    config: vm,
  });
  expect(vms.find(({ name }) => name === 'voip-gateway')?.power).toBe('running');
}

/** However often it was tried: one effect per operation, and its intent on record before it. */
async function expectEachEffectOnceAndIntended(rig: Rig, changeId: string): Promise<void> {
  const effects = await rig.simulator<LedgerEntry[]>('/ledger?kind=effect');
  const { events } = await (await rig.as('auditor')).audit(changeId);
  const intents = events.filter(({ kind }) => kind === 'step.intent');
  const opIds = new Set(intents.map(({ data }) => data['opId']));
  const ours = effects.filter(({ opId }) => opIds.has(opId));
  expect(ours.map(({ opId }) => opId)).toHaveLength(new Set(ours.map(({ opId }) => opId)).size);
  for (const effect of ours) {
    const intended = intents
      .filter(({ data }) => data['opId'] === effect.opId)
      .map(({ at }) => Date.parse(at));
    expect(Math.min(...intended)).toBeLessThanOrEqual(Date.parse(effect.at));
  }
  const strangers = effects.filter(({ opId }) => opId && !opIds.has(opId) && Date.parse(events[0]!.at) < 0);
  expect(strangers).toEqual([]);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
