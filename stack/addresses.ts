import { join } from 'node:path';
import { readJsonFile, writeWhole } from './places.js';
import type { ProcessMark } from './processes.js';

/**
 * Where everything of a running stack is: `stack.json` in its home, readable by its owner only, there from ready
 * until stop. The CLI finds the api by it.
 */
export interface StackAddresses {
  readonly home: string;
  readonly supervisor: ProcessMark;
  readonly apiUrl: string;
  readonly issuer: {
    readonly url: string;
    readonly audience: string;
    readonly clientId: string;
    /** The local issuer's grant: POST {url}/token with grant_type, client_id, person and secret. */
    readonly grantType: string;
    /** The file with the secret; absent when the issuer is not ours. */
    readonly secretFile?: string;
  };
  readonly temporal: { readonly address: string; readonly namespace: string; readonly uiUrl?: string };
  readonly database: { readonly appUrl: string; readonly migratorUrl: string };
  readonly workerHealthUrl: string;
  /** The simulated hosts' own interface, when the estate has them. */
  readonly simulatorUrl?: string;
  readonly estate: string;
}

export function addressFile(home: string): string {
  return join(home, 'stack.json');
}

export function writeAddresses(addresses: StackAddresses): void {
  writeWhole(addressFile(addresses.home), `${JSON.stringify(addresses, null, 2)}\n`);
}

export function readAddresses(home: string): StackAddresses | undefined {
  return readJsonFile(addressFile(home)) as StackAddresses | undefined;
}
