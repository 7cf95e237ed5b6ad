import type { DevicePageView, DeviceView, HolderView, HostListView, MeView, SiteView } from '../schemas.js';
import { pairs, table } from './text.js';

export function showDevices({ items, next }: DevicePageView): string {
  const rows = items.map((device) => [
    device.host,
    device.address,
    device.alias,
    device.name,
    fingerprintText(device),
    device.unit,
    holderText(device.holder),
    noteText(device),
  ]);
  const list = table(['HOST', 'ADDRESS', 'ALIAS', 'NAME', 'FINGERPRINT', 'UNIT', 'HOLDER', 'NOTE'], rows);
  return next ? `${list}\nmore: --cursor ${next}` : list;
}

export function showHosts({ items }: HostListView): string {
  const rows = items.map((host) => [
    host.id,
    host.site,
    host.seen ? (host.isolation === 'on' ? 'on' : 'OFF') : 'not seen yet',
    host.missing.join(', ') || '-',
    host.vms.map((vm) => `${vm.name} (${vm.power})`).join(', '),
    host.held ? 'held' : '-',
    host.observedAt,
  ]);
  return table(['HOST', 'SITE', 'IOMMU', 'MISSING', 'VMS', 'SITE HOLD', 'SEEN'], rows);
}

export function showSites(sites: SiteView[]): string {
  return table(
    ['SITE', 'HOLD', 'SINCE', 'BY'],
    sites.map(({ id, hold }) => [id, hold?.reason, hold?.since, hold?.by.subject]),
  );
}

export function showMe(me: MeView): string {
  return pairs([
    ['subject', me.identity.subject],
    ['issuer', me.identity.issuer],
    ['name', me.name],
    ['roles', me.roles.join(', ') || 'none'],
    ['groups', me.groups.join(', ') || 'none'],
    ['kind', me.machine ? 'a program: it may submit, never review' : 'a person'],
  ]);
}

function holderText(holder: HolderView): string {
  if (holder.kind === 'vm') return `VM ${holder.vm}`;
  if (holder.kind === 'unknown') return `unknown: ${holder.why}`;
  return `${holder.kind} (${holder.driver ?? 'no driver'})`;
}

function fingerprintText({ fingerprint }: DeviceView): string {
  return [`${fingerprint.vendor}:${fingerprint.device}`, fingerprint.serial].filter(Boolean).join(' ');
}

function noteText(device: DeviceView): string {
  return [
    device.goneAt && `gone since ${device.goneAt}`,
    device.quarantine && `quarantine: ${device.quarantine.why}`,
    device.claim && `claimed by ${device.claim.changeId}`,
    ...device.uses.map((use) => `${use.kind} ${use.detail}`),
    device.bridge && 'bridge',
  ]
    .filter(Boolean)
    .join('; ');
}
