import type { Dependencies } from './dependencies.js';
import { behindTheDoor } from './failures.js';
import { createLook } from './look.js';
import { createTell } from './tell.js';
import { createTouch } from './touch/act.js';

export type { Dependencies } from './dependencies.js';
export type { Inspected, InspectedAgain, Look } from './look.js';
export type { ClaimWish } from '../records/claims.js';
export type { Tell, Telling } from './tell.js';
export type { ActInput, Touch } from './touch/act.js';

/** Activities of the workflow's own queue: they touch the register and nothing else. */
export function coreActivities(dependencies: Dependencies) {
  return behindTheDoor(createTell(dependencies));
}

/** Activities of a site's queue: they reach its hosts. */
export function siteActivities(dependencies: Dependencies) {
  return behindTheDoor({ ...createLook(dependencies), ...createTouch(dependencies) });
}
