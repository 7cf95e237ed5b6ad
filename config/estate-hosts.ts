import type { EstateDocument, Spot } from './estate-document.js';
import { fileReferencePattern, referencePattern } from './estate-references.js';

/** A host and how to reach it, by its kind of hypervisor. */
export type EstateHost = {
  readonly id: string;
  readonly site: string;
  readonly labels: Readonly<Record<string, string>>;
} & (
  | {
      readonly hypervisor: 'libvirt';
      readonly connect: { readonly ssh: SshConnection };
      readonly patience?: GuestPatience;
    }
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

/** How long the guests of a host may take, in seconds: to release a device, and to shut down before their power is cut. */
export interface GuestPatience {
  readonly detachSeconds?: number;
  readonly shutdownSeconds?: number;
}

/** `user`, `password` and `ca` are references. */
export interface VcenterConnection {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly ca?: string;
}

const kinds = ['libvirt', 'simulated', 'hyperv', 'vsphere'] as const;

/** One host, or none after a problem that leaves its kind unknown. */
export function readHost(
  document: EstateDocument,
  spot: Spot,
  site: string,
  readId: (document: EstateDocument, spot: Spot) => string,
): EstateHost[] {
  const host = document.mapping(spot, ['id', 'hypervisor', 'connect', 'labels', 'patience']);
  const common = {
    id: readId(document, host.get('id')),
    site,
    labels: document.byName(host.get('labels'), /^[^\p{Cc}]{1,63}$/u, (label) =>
      document.text(label, /^[^\p{Cc}]{0,255}$/u, 'text of one line', 'correct it'),
    ),
  };
  const hypervisor = document.choice(host.get('hypervisor'), kinds, 'name the kind of hypervisor');
  const connect = host.get('connect');
  if (host.has('patience') && hypervisor !== 'libvirt') {
    document.wrong(host.get('patience'), 'none on this kind of host', 'leave it out');
  }
  switch (hypervisor) {
    case 'libvirt': {
      const { ssh } = readShell(document, connect, ['ssh']);
      const patience = host.has('patience') ? { patience: readPatience(document, host.get('patience')) } : {};
      return [{ ...common, hypervisor, connect: { ssh }, ...patience }];
    }
    case 'hyperv':
      return [{ ...common, hypervisor, connect: readShell(document, connect, ['ssh', 'powershell']) }];
    case 'vsphere': {
      const vcenter = readVcenter(document, document.mapping(connect, ['vcenter']).get('vcenter'));
      return [{ ...common, hypervisor, connect: { vcenter } }];
    }
    case 'simulated':
      return [{ ...common, hypervisor, connect: { simulator: { url: readSimulator(document, connect) } } }];
    case undefined:
      return [];
  }
}

function readPatience(document: EstateDocument, spot: Spot): GuestPatience {
  const patience = document.mapping(spot, ['detachSeconds', 'shutdownSeconds']);
  const seconds = (name: 'detachSeconds' | 'shutdownSeconds'): GuestPatience => {
    if (!patience.has(name)) return {};
    const { value } = patience.get(name);
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 200)
      return { [name]: value };
    document.wrong(patience.get(name), 'seconds from 1 to 200', 'correct it');
    return {};
  };
  return { ...seconds('detachSeconds'), ...seconds('shutdownSeconds') };
}

function readShell(
  document: EstateDocument,
  connect: Spot,
  known: readonly string[],
): { ssh: SshConnection; powershell: string } {
  const parts = document.mapping(connect, known);
  const given = parts.get('powershell');
  const powershell = parts.has('powershell')
    ? document.text(given, /^\w[\w.\\/: -]*$/, 'a program', 'leave it out for powershell')
    : 'powershell';
  return { ssh: readSsh(document, parts.get('ssh')), powershell };
}

function readSimulator(document: EstateDocument, connect: Spot): string {
  const simulator = document.mapping(document.mapping(connect, ['simulator']).get('simulator'), ['url']);
  const pattern = /^(https?:\/\/[^\s@]+|env:[A-Za-z_]\w*)$/;
  return document.text(
    simulator.get('url'),
    pattern,
    'an http URL or env:NAME',
    'name where it listens',
    true,
  );
}

function readSsh(document: EstateDocument, spot: Spot): SshConnection {
  const ssh = document.mapping(spot, ['host', 'port', 'user', 'identity', 'knownHosts']);
  const port = ssh.has('port') ? ssh.get('port') : { ...ssh.get('port'), value: 22 };
  if (!Number.isInteger(port.value) || Number(port.value) < 1 || Number(port.value) > 65535) {
    document.wrong(port, 'a port from 1 to 65535', 'leave it out for 22');
  }
  const file = (key: string): string => {
    const remedy = 'name the file; its content never belongs here';
    return document.text(ssh.get(key), fileReferencePattern, 'a reference file:PATH', remedy, true);
  };
  // A leading dash would be an option to ssh.
  const hostPattern = /^[A-Za-z0-9:][A-Za-z0-9.:_-]*$/;
  const userPattern = /^[A-Za-z0-9_][A-Za-z0-9._@\\-]*$/;
  return {
    host: document.text(ssh.get('host'), hostPattern, 'a host name or address', 'correct it'),
    port: Number(port.value),
    user: document.text(ssh.get('user'), userPattern, 'a user name', 'correct it'),
    identity: file('identity'),
    knownHosts: file('knownHosts'),
  };
}

export function readVcenter(document: EstateDocument, spot: Spot): VcenterConnection {
  const vcenter = document.mapping(spot, ['url', 'user', 'password', 'ca']);
  const secret = (key: string): string => {
    const remedy = 'put the secret there and name it here';
    return document.text(
      vcenter.get(key),
      referencePattern,
      'a reference file:PATH or env:NAME',
      remedy,
      true,
    );
  };
  const urlPattern = /^https:\/\/[^\s@]+$/;
  return {
    url: document.text(vcenter.get('url'), urlPattern, 'an https URL without a user', 'correct it', true),
    user: secret('user'),
    password: secret('password'),
    ...(vcenter.has('ca') ? { ca: secret('ca') } : {}),
  };
}
