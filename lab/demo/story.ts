import { asPerson, type ApiCalls, type ChangeOfApi } from './people.js';
import type { Place } from './place.js';
import type { Show } from './show.js';

/** The attach, and if it went well the return. A fault ends the story with the undo of the change it hits. */
export async function tellStory(place: Place, show: Show): Promise<ChangeOfApi[]> {
  const attached = await attachAfresh(place, show);
  if (attached.ending !== 'succeeded') return [attached];
  const returned = await oneChange(place, 'return', show);
  if (returned.ending === 'undone') await giveBack(place, show);
  return [attached, returned];
}

/** After the story: the undo of a return leaves the device with the VM. */
async function giveBack(place: Place, show: Show): Promise<void> {
  if (!(await place.heals()))
    return show.line('the device stays with the VM; the next demo gives it back first');
  show.line('giving the device back, without the fault');
  await oneChange(place, 'return', show);
}

/** A demo that was cut off may have left the device with the VM: it is given back the proper way first. */
async function attachAfresh(place: Place, show: Show): Promise<ChangeOfApi> {
  const attached = await oneChange(place, 'attach', show);
  if (attached.failures[0]?.reason !== 'device-already-attached') return attached;
  show.line('left attached by an earlier demo: giving it back first');
  const healed = await place.heals();
  await oneChange(place, 'return', show);
  if (healed) await place.breaks();
  return oneChange(place, 'attach', show);
}

async function oneChange(place: Place, action: 'attach' | 'return', show: Show): Promise<ChangeOfApi> {
  const requester = await asPerson('requester', place);
  const change = await requester.create(requestOf(place, action));
  show.line(`${action}: ${change.id} requested`);
  const planned = await requester.follow(change.id, (one) => one.state !== 'inspecting', show);
  if (planned.state !== 'awaiting-review') return closing(planned, show);

  const plan = await requester.plan(change.id);
  show.plan(plan.plan, plan.planHash);
  for (const name of ['approver-1', 'approver-2']) {
    const approver: ApiCalls = await asPerson(name, place);
    await approver.review(change.id, plan.planHash);
    show.line(`approved by ${name}`);
  }
  return closing(
    await requester.follow(change.id, (one) => one.state === 'closed' || one.state === 'parked', show),
    show,
  );
}

function closing(change: ChangeOfApi, show: Show): ChangeOfApi {
  show.line(`${change.request.action}: ${change.ending ?? change.state}`);
  for (const failure of change.failures) show.detail(failure.message);
  if (change.links.temporal) show.detail(`history: ${change.links.temporal}`);
  return change;
}

function requestOf({ host, vm, device }: Place, action: 'attach' | 'return'): object {
  const named = /^[0-9a-f:.]+$/i.test(device) ? { address: device } : { alias: device };
  return {
    action,
    host,
    vm,
    devices: [named],
    wholeUnit: true,
    powerOff: 'allowed',
    onUnhealthy: 'undo',
    class: 'normal',
    reason:
      action === 'attach' ? 'Demo: the device moves to the VM' : 'Demo: the device goes back to the host',
  };
}
