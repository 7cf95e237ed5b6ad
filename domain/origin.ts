import type { Fingerprint } from './device.js';

/**
 * Where an attached device came from, recorded before its attach began. A return needs it: which driver
 * it belongs to and which VM settings the attach changed can't be read any more once it has happened.
 */
export interface Origin {
  address: string;
  vm: string;
  changeId: string;
  hostDriver: string | null;
  fingerprint: Fingerprint;
  settings: Record<string, string>;
}
