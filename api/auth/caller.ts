import type { Identity } from '../../domain/change.js';
import type { Actor } from '../../workflows/contract.js';
import type { Role } from './access.js';

/** Who sent the request, as the issuer's token says. `name` is shown, never compared. */
export interface Caller {
  identity: Identity;
  name: string;
  roles: Role[];
  groups: string[];
  /** A program with a token of its own and no person behind it. */
  machine: boolean;
  /** Until when the token is taken, in milliseconds since the epoch. */
  validUntil: number;
}

export function actorOf(caller: Caller): Actor {
  return { identity: caller.identity, name: caller.name };
}
