import { EstateDocument, EstateError, readEstateDocument, type Spot } from './estate-document.js';
import { type EstateHost, readHost, readVcenter, type VcenterConnection } from './estate-hosts.js';

export { EstateError } from './estate-document.js';
export type { EstateHost } from './estate-hosts.js';
export { type References, referencesOf, resolveReference } from './estate-references.js';

/**
 * What exists and how to reach it. Secrets are references (`file:`, `env:`) in here; the worker alone follows them,
 * with `resolveReference`, and the api never does.
 */
export interface Estate {
  readonly sites: readonly EstateSite[];
  /** The hosts of all sites. */
  readonly hosts: readonly EstateHost[];
  /** By VM name. Has no prototype: any name may be asked for. */
  readonly guests: Readonly<Record<string, EstateGuest>>;
  /** By alias. Has no prototype. */
  readonly aliases: Readonly<Record<string, EstateDevice>>;
}

export interface EstateSite {
  readonly id: string;
  /** The manager behind which the site's hosts are discovered. */
  readonly vcenter?: VcenterConnection;
}

/** How to look into a guest, and how long it may take to notice that a device came or went. */
export interface EstateGuest {
  readonly probe: Probe;
  readonly patienceSeconds: number;
}

/** Agents in busy guests are slow. */
export const defaultPatienceSeconds = 240;

/** A device on a host, by its address there. */
export interface EstateDevice {
  readonly host: string;
  readonly address: string;
}

export const probes = ['agent', 'ssh', 'powershell-direct', 'vmware-tools', 'none'] as const;
export type Probe = (typeof probes)[number];

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const vmPattern = /^[^\p{Cc}]{1,255}$/u;
const pciPattern = /^([0-9a-f]{4}:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/i;

/** Reads, checks and freezes an estate file; an `EstateError` names every problem in it. */
export function readEstate(file: string): Estate {
  return checked(file, readEstateDocument(file));
}

export function parseEstate(content: string, file = 'estate'): Estate {
  return checked(file, new EstateDocument(file, content));
}

function checked(file: string, document: EstateDocument): Estate {
  const estate = readRoot(document);
  if (document.problems.length > 0) throw new EstateError(file, document.problems);
  return frozen(estate);
}

function readRoot(document: EstateDocument): Estate {
  const root = document.mapping(document.root, ['sites', 'guests', 'aliases']);
  const sites: EstateSite[] = [];
  const hosts: EstateHost[] = [];
  for (const spot of document.list(root.get('sites'))) {
    const site = document.mapping(spot, ['id', 'hosts', 'vcenter']);
    const id = readId(document, site.get('id'));
    const vcenter = site.has('vcenter') ? { vcenter: readVcenter(document, site.get('vcenter')) } : {};
    sites.push({ id, ...vcenter });
    const listed = site.has('hosts') ? document.list(site.get('hosts')) : [];
    hosts.push(...listed.flatMap((host) => readHost(document, host, id, readId)));
  }
  unique(document, root.get('sites'), sites, 'sites');
  unique(document, root.get('sites'), hosts, 'hosts of all sites');
  return {
    sites,
    hosts,
    guests: document.byName(root.get('guests'), vmPattern, (spot) => readGuest(document, spot)),
    aliases: document.byName(root.get('aliases'), idPattern, (spot) =>
      readAlias(document, spot, sites, hosts),
    ),
  };
}

function readId(document: EstateDocument, spot: Spot): string {
  return document.text(
    spot,
    idPattern,
    'up to 63 letters, digits or . _ -, a letter or digit first',
    'correct it',
  );
}

function readGuest(document: EstateDocument, spot: Spot): EstateGuest {
  const guest = document.mapping(spot, ['probe', 'patienceSeconds']);
  const probe = document.choice(guest.get('probe'), probes, 'say how to look into the guest') ?? 'none';
  const patience = guest.get('patienceSeconds');
  const { value = defaultPatienceSeconds } = patience;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 3600) {
    return { probe, patienceSeconds: value };
  }
  document.wrong(patience, 'seconds from 1 to 3600', `leave it out for ${defaultPatienceSeconds}`);
  return { probe, patienceSeconds: defaultPatienceSeconds };
}

function readAlias(
  document: EstateDocument,
  spot: Spot,
  sites: readonly EstateSite[],
  hosts: readonly EstateHost[],
): EstateDevice {
  const alias = document.mapping(spot, ['host', 'address']);
  const host = readId(document, alias.get('host'));
  const mayBeDiscovered = sites.some((site) => site.vcenter);
  if (host && !mayBeDiscovered && !hosts.some(({ id }) => id === host)) {
    const known = hosts.map(({ id }) => id).join(', ');
    document.wrong(alias.get('host'), `one of ${known || 'no hosts'}`, 'name a host of this estate');
  }
  const expected = 'a PCI address in quotes, such as "0000:02:00.0"';
  const address = document.text(alias.get('address'), pciPattern, expected, 'see `slipway device list`');
  return { host, address: (address.length === 7 ? `0000:${address}` : address).toLowerCase() };
}

function unique(document: EstateDocument, spot: Spot, named: readonly { id: string }[], what: string): void {
  const ids = named.map(({ id }) => id);
  const twice = ids.find((id, index) => id !== '' && ids.indexOf(id) !== index);
  if (twice) document.wrong({ ...spot, value: twice }, `different ids for the ${what}`, 'rename one of them');
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}
