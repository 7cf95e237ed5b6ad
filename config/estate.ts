import { EstateDocument, EstateError, readEstateDocument, type Spot } from './estate-document.js';
import { fileReferencePattern, referencePattern } from './estate-references.js';

export { EstateError, type EstateProblem } from './estate-document.js';
export { isReference, type References, referencesOf, resolveReference } from './estate-references.js';

/**
 * What exists and how to reach it. Secrets are references (`file:`, `env:`) in here; the worker alone follows them,
 * with `resolveReference`, and the api never does.
 */
export interface Estate {
  readonly sites: readonly EstateSite[];
  /** The hosts of all sites. */
  readonly hosts: readonly EstateHost[];
  /** By VM name. Has no prototype: any name may be asked for. */
  readonly guests: Readonly<Record<string, { readonly probe: Probe }>>;
  /** By alias. Has no prototype. */
  readonly aliases: Readonly<Record<string, EstateDevice>>;
}

export interface EstateSite {
  readonly id: string;
  /** The manager behind which the site's hosts are discovered. */
  readonly vcenter?: VcenterConnection;
}

export type EstateHost = {
  readonly id: string;
  readonly site: string;
  readonly labels: Readonly<Record<string, string>>;
} & (
  | { readonly hypervisor: 'libvirt'; readonly connect: { readonly ssh: SshConnection } }
  | { readonly hypervisor: 'simulated'; readonly connect: { readonly simulator: { readonly url: string } } }
  | {
      readonly hypervisor: 'hyperv';
      readonly connect: { readonly ssh: SshConnection; readonly powershell: string };
    }
  | { readonly hypervisor: 'vsphere'; readonly connect: { readonly vcenter: VcenterConnection } }
);

export interface SshConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** `file:` references: ssh wants files. */
  readonly identity: string;
  readonly knownHosts: string;
}

export interface VcenterConnection {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly ca?: string;
}

/** A device on a host, by its address there. */
export interface EstateDevice {
  readonly host: string;
  readonly address: string;
}

export const probes = ['agent', 'ssh', 'powershell-direct', 'vmware-tools', 'none'] as const;
export type Probe = (typeof probes)[number];

const kinds = ['libvirt', 'simulated', 'hyperv', 'vsphere'] as const;
const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const pciAddress = /^([0-9a-f]{4}:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/i;

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
  for (const spot of listOf(document, root.get('sites') ?? absent(document.root, 'sites'))) {
    const site = document.mapping(spot, ['id', 'hosts', 'vcenter']);
    const id = nameOf(document, member(site, spot, 'id'));
    const vcenter = site.get('vcenter');
    sites.push({ id, ...(vcenter ? { vcenter: readVcenter(document, vcenter) } : {}) });
    for (const host of listOf(document, site.get('hosts'))) hosts.push(...readHost(document, host, id));
  }
  unique(
    document,
    sites.map(({ id }) => id),
    'sites',
  );
  unique(
    document,
    hosts.map(({ id }) => id),
    'hosts of all sites',
  );
  return {
    sites,
    hosts,
    guests: byName(document, root.get('guests'), vmName, (spot) => readGuest(document, spot)),
    aliases: byName(document, root.get('aliases'), name, (spot) => readAlias(document, spot, sites, hosts)),
  };
}

function readHost(document: EstateDocument, spot: Spot, site: string): EstateHost[] {
  const host = document.mapping(spot, ['id', 'hypervisor', 'connect', 'labels']);
  const id = nameOf(document, member(host, spot, 'id'));
  const hypervisor = document.choice(member(host, spot, 'hypervisor'), kinds, 'name the kind of hypervisor');
  const labels = byName(document, host.get('labels'), /^[^\p{Cc}]{1,63}$/u, (label) =>
    document.text(label, /^[^\p{Cc}]{0,255}$/u, 'text without control characters', 'correct it'),
  );
  const connect = member(host, spot, 'connect');
  const common = { id, site, labels };
  switch (hypervisor) {
    case 'libvirt': {
      const ssh = member(document.mapping(connect, ['ssh']), connect, 'ssh');
      return [{ ...common, hypervisor, connect: { ssh: readSsh(document, ssh) } }];
    }
    case 'hyperv': {
      const parts = document.mapping(connect, ['ssh', 'powershell']);
      const ssh = readSsh(document, member(parts, connect, 'ssh'));
      const given = parts.get('powershell');
      const powershell = given
        ? document.text(given, /^[\w.\\/: -]+$/, 'a program', 'leave it out for powershell')
        : 'powershell';
      return [{ ...common, hypervisor, connect: { ssh, powershell } }];
    }
    case 'vsphere': {
      const vcenter = member(document.mapping(connect, ['vcenter']), connect, 'vcenter');
      return [{ ...common, hypervisor, connect: { vcenter: readVcenter(document, vcenter) } }];
    }
    case 'simulated': {
      const simulator = member(document.mapping(connect, ['simulator']), connect, 'simulator');
      const url = member(document.mapping(simulator, ['url']), simulator, 'url');
      const text = document.text(
        url,
        /^(https?:\/\/[^\s@]+|env:[A-Za-z_]\w*)$/,
        'an http URL or env:NAME',
        'name where the simulator listens',
      );
      return [{ ...common, hypervisor, connect: { simulator: { url: text } } }];
    }
    case undefined:
      return [];
  }
}

function readSsh(document: EstateDocument, spot: Spot): SshConnection {
  const ssh = document.mapping(spot, ['host', 'port', 'user', 'identity', 'knownHosts']);
  const port = ssh.get('port') ?? { value: 22, path: spot.path };
  if (!Number.isInteger(port.value) || Number(port.value) < 1 || Number(port.value) > 65535) {
    document.wrong(port, 'a port from 1 to 65535', 'leave it out for 22');
  }
  const file = (key: string): string =>
    document.text(
      member(ssh, spot, key),
      fileReferencePattern,
      'a reference file:PATH',
      'name the file; its content never belongs here',
      true,
    );
  return {
    // A leading dash would be an option to ssh.
    host: document.text(
      member(ssh, spot, 'host'),
      /^[A-Za-z0-9:][A-Za-z0-9.:_-]*$/,
      'a host name or address',
      'correct it',
    ),
    port: Number(port.value),
    user: document.text(
      member(ssh, spot, 'user'),
      /^[A-Za-z0-9_][A-Za-z0-9._@\\-]*$/,
      'a user name',
      'correct it',
    ),
    identity: file('identity'),
    knownHosts: file('knownHosts'),
  };
}

function readVcenter(document: EstateDocument, spot: Spot): VcenterConnection {
  const vcenter = document.mapping(spot, ['url', 'user', 'password', 'ca']);
  const secret = (key: string): string =>
    document.text(
      member(vcenter, spot, key),
      referencePattern,
      'a reference file:PATH or env:NAME',
      'put the secret there and name it here',
      true,
    );
  const ca = vcenter.has('ca') ? { ca: secret('ca') } : {};
  const url = document.text(
    member(vcenter, spot, 'url'),
    /^https:\/\/[^\s@]+$/,
    'an https URL without a user',
    'correct it',
    true,
  );
  return { url, user: secret('user'), password: secret('password'), ...ca };
}

function readGuest(document: EstateDocument, spot: Spot): { probe: Probe } {
  const guest = document.mapping(spot, ['probe']);
  return {
    probe: document.choice(member(guest, spot, 'probe'), probes, 'say how to look into the guest') ?? 'none',
  };
}

function readAlias(
  document: EstateDocument,
  spot: Spot,
  sites: EstateSite[],
  hosts: EstateHost[],
): EstateDevice {
  const alias = document.mapping(spot, ['host', 'address']);
  const host = nameOf(document, member(alias, spot, 'host'));
  const discovers = sites.some((site) => site.vcenter);
  if (host && !discovers && !hosts.some(({ id }) => id === host)) {
    document.wrong(
      member(alias, spot, 'host'),
      `one of ${hosts.map(({ id }) => id).join(', ') || 'no hosts'}`,
      'name a host of this estate',
    );
  }
  const address = member(alias, spot, 'address');
  const text = document.text(
    address,
    pciAddress,
    'a PCI address in quotes, such as "0000:02:00.0"',
    'see `slipway device list`',
  );
  return { host, address: (text.length === 7 ? `0000:${text}` : text).toLowerCase() };
}

const vmName = /^[^\p{Cc}]{1,255}$/u;

function byName<T>(
  document: EstateDocument,
  spot: Spot | undefined,
  pattern: RegExp,
  read: (spot: Spot) => T,
): Record<string, T> {
  const found = Object.create(null) as Record<string, T>;
  for (const [key, value] of spot ? document.mapping(spot) : []) {
    document.text(
      { value: key, path: value.path },
      pattern,
      'a name without control characters',
      'correct it',
    );
    found[key] = read(value);
  }
  return found;
}

function nameOf(document: EstateDocument, spot: Spot): string {
  return document.text(
    spot,
    name,
    'up to 63 letters, digits or . _ -, not beginning with . _ -',
    'correct it',
  );
}

function listOf(document: EstateDocument, spot: Spot | undefined): Spot[] {
  return spot ? document.list(spot) : [];
}

function member(members: ReadonlyMap<string, Spot>, parent: Spot, key: string): Spot {
  return members.get(key) ?? absent(parent, key);
}

function absent(parent: Spot, key: string): Spot {
  return { value: undefined, path: [...parent.path, key] };
}

function unique(document: EstateDocument, ids: string[], what: string): void {
  const twice = ids.find((id, index) => id !== '' && ids.indexOf(id) !== index);
  if (twice)
    document.wrong({ value: twice, path: ['sites'] }, `different ids for the ${what}`, 'rename one of them');
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}
