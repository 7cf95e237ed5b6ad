import type { Migration } from 'kysely/migration';
import * as changes from './0001-changes.js';
import * as audit from './0002-audit.js';
import * as claims from './0003-claims.js';
import * as steps from './0004-steps.js';
import * as inventory from './0005-inventory.js';

/** In order, by name; one that was released is never edited: write the next one. */
export const migrations: Record<string, Migration> = {
  '0001-changes': changes,
  '0002-audit': audit,
  '0003-claims': claims,
  '0004-steps': steps,
  '0005-inventory': inventory,
};
