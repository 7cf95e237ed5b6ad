import type { Rig } from './rig.js';

/** The failpoints of the one touch activity; test/toolchain checks that every touch activity has all five. */
export const places = ['act.b0', 'act.b1', 'act.b2', 'act.b3', 'act.b4'];

export const address = '0000:01:00.0';
export const attach = { action: 'attach', devices: [{ address }] };
export const giveBack = { action: 'return', devices: [{ address }] };

/** A guest that never sees the device fails the verification, so that everything is undone. */
export async function guestSees(rig: Rig, sees: 'always' | 'never'): Promise<void> {
  await rig.simulator('/hosts/sim-01/operator', { do: 'guest', vm: 'voip-gateway', guest: { sees } });
}
