import { sql } from 'kysely';
import type { DeviceFacts } from '../domain/device.js';
import type { HostView, VmFacts } from '../domain/hypervisor.js';
import { type Db, fromRegister, inRegister, type Trx } from './database.js';
import { digestOf, document, utc } from './documents.js';

/**
 * Keeps one look at a host. If nothing differs from the last one only `observedAt` is written; a look older than the
 * stored one is dropped (`false`). A device that is no longer seen is marked gone, never deleted; a holder that can't
 * be read leaves the last known one in place. `aliases`: address to the estate's name for it.
 */
export async function recordView(
  db: Db,
  hostId: string,
  site: string,
  view: HostView,
  at: string,
  aliases: Record<string, string> = {},
): Promise<boolean> {
  const look = { hostId, site, view, at: utc(at), aliases, hash: digestOf({ site, view, aliases }) };
  if (await stillTheSame(db, look)) return true;
  return inRegister(db, async (trx) => {
    // The host's row is the lock: one look at a time is written, and never an older one over a newer one.
    if (!(await writeHost(trx, look))) return false;
    await writeDevices(trx, look);
    await writeVms(trx, look);
    return true;
  });
}

interface Look {
  hostId: string;
  site: string;
  view: HostView;
  at: string;
  aliases: Record<string, string>;
  hash: string;
}

async function stillTheSame(db: Db, { hostId, hash, at }: Look): Promise<boolean> {
  const { numUpdatedRows } = await fromRegister(db, (handle) =>
    handle
      .updateTable('hosts')
      .set({ observed_at: at })
      .where('id', '=', hostId)
      .where('hash', '=', hash)
      .where('observed_at', '<=', at)
      .executeTakeFirst(),
  );
  return numUpdatedRows > 0n;
}

async function writeHost(trx: Trx, { hostId, site, view, at, hash }: Look): Promise<boolean> {
  const facts = {
    site,
    identity: view.host.identity,
    facts: document(view.host),
    capabilities: document(view.capabilities),
    hash,
    observed_at: at,
    changed_at: at,
  };
  const row = await trx
    .insertInto('hosts')
    .values({ id: hostId, ...facts })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(facts).where('hosts.observed_at', '<=', at))
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

async function writeDevices(trx: Trx, { hostId, view, at, aliases }: Look): Promise<void> {
  if (view.devices.length > 0) {
    await trx
      .insertInto('devices')
      .values(view.devices.map((device) => deviceRow(hostId, device, aliases[device.address] ?? null, at)))
      .onConflict((conflict) =>
        conflict
          .columns(['host', 'address'])
          .doUpdateSet((row) => ({
            alias: row.ref('excluded.alias'),
            facts: row.ref('excluded.facts'),
            // What can't be read now says nothing: the last known holder stays.
            known_holder: row.fn.coalesce('excluded.known_holder', 'devices.known_holder'),
            known_at: row.fn.coalesce('excluded.known_at', 'devices.known_at'),
            hash: row.ref('excluded.hash'),
            gone_at: null,
            changed_at: at,
          }))
          .where((row) =>
            row.or([
              row('devices.hash', '<>', row.ref('excluded.hash')),
              row('devices.gone_at', 'is not', null),
            ]),
          ),
      )
      .execute();
  }
  const seen = view.devices.map((device) => device.address);
  await trx
    .updateTable('devices')
    .set({ gone_at: at, changed_at: at })
    .where('host', '=', hostId)
    .where('gone_at', 'is', null)
    .where('address', '<>', sql<string>`all(${seen}::text[])`)
    .execute();
}

function deviceRow(host: string, device: DeviceFacts, alias: string | null, at: string) {
  const known = device.holder.kind !== 'unknown';
  return {
    host,
    address: device.address,
    alias,
    facts: document(device),
    known_holder: known ? document(device.holder) : null,
    known_at: known ? at : null,
    hash: digestOf({ device, alias }),
    gone_at: null,
    changed_at: at,
  };
}

async function writeVms(trx: Trx, { hostId, view, at }: Look): Promise<void> {
  if (view.vms.length > 0) {
    await trx
      .insertInto('vms')
      .values(view.vms.map((vm) => vmRow(hostId, vm, at)))
      .onConflict((conflict) =>
        conflict
          .columns(['host', 'uuid'])
          .doUpdateSet((row) => ({
            name: row.ref('excluded.name'),
            facts: row.ref('excluded.facts'),
            hash: row.ref('excluded.hash'),
            gone_at: null,
            changed_at: at,
          }))
          .where((row) =>
            row.or([row('vms.hash', '<>', row.ref('excluded.hash')), row('vms.gone_at', 'is not', null)]),
          ),
      )
      .execute();
  }
  const seen = view.vms.map((vm) => vm.uuid);
  await trx
    .updateTable('vms')
    .set({ gone_at: at, changed_at: at })
    .where('host', '=', hostId)
    .where('gone_at', 'is', null)
    .where('uuid', '<>', sql<string>`all(${seen}::text[])`)
    .execute();
}

function vmRow(host: string, vm: VmFacts, at: string) {
  return {
    host,
    uuid: vm.uuid,
    name: vm.name,
    facts: document(vm),
    hash: digestOf(vm),
    gone_at: null,
    changed_at: at,
  };
}
