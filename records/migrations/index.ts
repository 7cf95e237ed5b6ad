import type { Migration } from 'kysely/migration';
import { up as changes } from './0001-changes.js';
import { up as audit } from './0002-audit.js';
import { up as claims } from './0003-claims.js';
import { up as steps } from './0004-steps.js';
import { up as inventory } from './0005-inventory.js';

/** In order, by name; one that was released is never edited: write the next one. */
export const migrations: Record<string, Migration> = {
  '0001-changes': { up: changes },
  '0002-audit': { up: audit },
  '0003-claims': { up: claims },
  '0004-steps': { up: steps },
  '0005-inventory': { up: inventory },
};
