import { sql } from 'kysely';
import type { DeviceFacts, Holder } from '../domain/device.js';
import { normalAddress } from '../domain/device.js';
import type { Capabilities, HostFacts, VmFacts } from '../domain/hypervisor.js';
import { type Page, readCursor, writeCursor } from './cursor.js';
import { type Db, fromRegister } from './database.js';

export interface HostRecord {
  id: string;
  site: string;
  facts: HostFacts;
  capabilities: Capabilities;
  observedAt: string;
  changedAt: string;
}

/** Who may act on something now. */
export interface HeldClaim {
  changeId: string;
  epoch: number;
}

export interface DeviceRecord {
  host: string;
  site: string;
  /** Its key in claims: `device/<host identity>/<address>`. */
  key: string;
  alias: string | null;
  /** As last seen; `facts.holder` may be `unknown`. */
  facts: DeviceFacts;
  /** The newest holder that could be read, and a time at which it was so; null if it never could be read. */
  knownHolder: Holder | null;
  knownAt: string | null;
  claim: HeldClaim | null;
  quarantine: { changeId: string; why: string; since: string } | null;
  /** Since when the host no longer shows it. */
  goneAt: string | null;
  observedAt: string;
}

export interface VmRecord {
  host: string;
  site: string;
  facts: VmFacts;
  claim: HeldClaim | null;
  goneAt: string | null;
  observedAt: string;
}

export interface DeviceFilter {
  site?: string;
  host?: string;
  /** Held by the VM of this name, as last known. */
  vm?: string;
  /** Address (in any spelling) or alias. */
  device?: string;
  /** In quarantine only. */
  quarantined?: boolean;
  cursor?: string;
  limit?: number;
}

export async function listHosts(db: Db, { site }: { site?: string } = {}): Promise<HostRecord[]> {
  return fromRegister(db, (handle) =>
    handle
      .selectFrom('hosts')
      .select(['id', 'site', 'facts', 'capabilities', 'observed_at as observedAt', 'changed_at as changedAt'])
      .$if(site !== undefined, (hosts) => hosts.where('site', '=', site!))
      .orderBy('id')
      .execute(),
  );
}

const claimColumn = sql`case when claims.change_id is not null
  then json_build_object('changeId', claims.change_id, 'epoch', claims.epoch) end`;

/** By host and address; `limit` is 200 unless told. */
export async function listDevices(db: Db, filter: DeviceFilter = {}): Promise<Page<DeviceRecord>> {
  const limit = filter.limit ?? 200;
  const { rows } = await fromRegister(db, (handle) =>
    sql<DeviceRecord & { since: string | null }>`
      select devices.host, hosts.site, 'device/' || hosts.identity || '/' || devices.address as key, devices.alias, devices.facts,
        devices.known_holder as "knownHolder", devices.known_at as "knownAt", ${claimColumn} as claim,
        case when quarantines.key is not null
          then json_build_object('changeId', quarantines.change_id, 'why', quarantines.why) end as quarantine,
        quarantines.since, devices.gone_at as "goneAt", hosts.observed_at as "observedAt"
      from devices
      join hosts on hosts.id = devices.host
      left join claims on claims.key = 'device/' || hosts.identity || '/' || devices.address
      left join quarantines on quarantines.key = 'device/' || hosts.identity || '/' || devices.address
      where ${sql.join(conditions(filter), sql` and `)}
      order by devices.host, devices.address
      limit ${limit + 1}`.execute(handle),
  );
  const items = rows.slice(0, limit).map(({ since, ...row }) => ({
    ...row,
    quarantine: row.quarantine && { ...row.quarantine, since: since! },
  }));
  const last = items.at(-1);
  return { items, next: last && rows.length > limit ? writeCursor([last.host, last.facts.address]) : null };
}

function conditions({ site, host, vm, device, quarantined, cursor }: DeviceFilter) {
  const place = cursor === undefined ? null : readCursor(cursor, ['text', 'text']);
  return [
    sql`true`,
    ...(site === undefined ? [] : [sql`hosts.site = ${site}`]),
    ...(host === undefined ? [] : [sql`devices.host = ${host}`]),
    ...(vm === undefined
      ? []
      : [sql`devices.known_holder ->> 'kind' = 'vm' and devices.known_holder ->> 'vm' = ${vm}`]),
    ...(device === undefined
      ? []
      : [sql`(devices.address = ${normalAddress(device)} or devices.alias = ${device})`]),
    ...(quarantined ? [sql`quarantines.key is not null`] : []),
    ...(place ? [sql`(devices.host, devices.address) > (${sql.join(place)})`] : []),
  ];
}

/** By host and name. */
export async function listVms(
  db: Db,
  { site, host }: { site?: string; host?: string } = {},
): Promise<VmRecord[]> {
  const { rows } = await fromRegister(db, (handle) =>
    sql<VmRecord>`
      select vms.host, hosts.site, vms.facts, ${claimColumn} as claim, vms.gone_at as "goneAt", hosts.observed_at as "observedAt"
      from vms
      join hosts on hosts.id = vms.host
      left join claims on claims.key = 'vm/' || vms.uuid
      where ${site ?? null}::text is null or hosts.site = ${site ?? null}
      order by vms.host, vms.name`.execute(handle),
  );
  return host === undefined ? rows : rows.filter((row) => row.host === host);
}
