import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { claim } from '../../records/claims.js';
import { listDevices, listHosts, listVms } from '../../records/estate-view.js';
import { recordView } from '../../records/inventory.js';
import { quarantineDevices } from '../../records/quarantine.js';
import { freshRegister, type TestRegister } from '../support/postgres.js';
import { device, deviceKey, later, storeChanges, view, vmKey } from './samples.js';

let register: TestRegister;
beforeEach(async () => {
  register = await freshRegister();
});
afterEach(() => register.close());

const nic = '0000:02:00.0';
const disk = '0000:03:00.0';
const held = { kind: 'vm' as const, vm: 'voip-gateway' };

describe('a look at a host', () => {
  it('shows who holds, claims and quarantines a device', async () => {
    await recordView(register.db, 'kvm-01', 'lab', view([device(nic, held), device(disk)]), later(0), {
      [nic]: 'isdn-card',
    });
    await storeChanges(register.db, 'claimer');
    const answer = await claim(register.db, { changeId: 'claimer', keys: [deviceKey, vmKey] });
    await quarantineDevices(register.db, 'claimer', [deviceKey], 'did not reset');
    const epoch = answer.granted ? answer.epoch : 0;
    const { items } = await listDevices(register.db, { host: 'kvm-01' });
    expect(items).toMatchObject([
      {
        key: deviceKey,
        alias: 'isdn-card',
        facts: { holder: held },
        knownHolder: held,
        claim: { changeId: 'claimer', epoch },
        quarantine: {
          changeId: 'claimer',
          why: 'did not reset',
          since: expect.stringMatching(/^\d{4}-.*Z$/),
        },
        goneAt: null,
        observedAt: later(0),
      },
      { alias: null, knownHolder: { kind: 'host' }, claim: null, quarantine: null },
    ]);
    expect(await listVms(register.db, { host: 'kvm-01' })).toMatchObject([
      { claim: { changeId: 'claimer', epoch } },
    ]);
    expect(await listHosts(register.db, { site: 'lab' })).toMatchObject([
      { id: 'kvm-01', observedAt: later(0) },
    ]);
    const found = async (filter: object) =>
      (await listDevices(register.db, filter)).items.map((one) => one.facts.address);
    expect(await found({ device: 'isdn-card' })).toEqual([nic]);
    expect(await found({ device: '03:00.0' })).toEqual([disk]);
    expect(await found({ vm: 'voip-gateway' })).toEqual([nic]);
    expect(await found({ quarantined: true })).toEqual([nic]);
    expect(await found({ site: 'elsewhere' })).toEqual([]);
  });

  it('writes only the time when nothing has changed', async () => {
    await recordView(register.db, 'kvm-01', 'lab', view([device(nic)]), later(0));
    const tuple = () => register.owner.db.selectFrom('devices').select(['changed_at', 'hash']).execute();
    const before = await tuple();
    await recordView(register.db, 'kvm-01', 'lab', view([device(nic)]), later(60));
    expect(await tuple()).toEqual(before);
    expect(await listHosts(register.db)).toMatchObject([{ observedAt: later(60), changedAt: later(0) }]);
  });

  it('drops a look that is older than the stored one', async () => {
    await recordView(register.db, 'kvm-01', 'lab', view([device(nic, held)]), later(60));
    expect(await recordView(register.db, 'kvm-01', 'lab', view([device(nic)]), later(0))).toBe(false);
    expect((await listDevices(register.db)).items[0]?.facts.holder).toEqual(held);
  });

  it('keeps the last known holder of a device that can’t be read now, and still finds it at its VM', async () => {
    await recordView(register.db, 'kvm-01', 'lab', view([device(nic, held)]), later(0));
    const unreadable = { kind: 'unknown' as const, why: 'the host does not answer' };
    await recordView(register.db, 'kvm-01', 'lab', view([device(nic, unreadable)]), later(60));
    const { items } = await listDevices(register.db, { vm: 'voip-gateway' });
    expect(items).toMatchObject([{ facts: { holder: unreadable }, knownHolder: held, knownAt: later(0) }]);
  });

  it('marks what is no longer seen as gone, with its claim, and takes the mark away when it is back', async () => {
    await recordView(register.db, 'kvm-01', 'lab', view([device(nic), device(disk)]), later(0));
    await claim(register.db, { changeId: 'claimer', keys: [deviceKey] });
    await recordView(register.db, 'kvm-01', 'lab', { ...view([device(disk)]), vms: [] }, later(60));
    expect((await listDevices(register.db)).items).toMatchObject([
      { goneAt: later(60), claim: { changeId: 'claimer' } },
      { goneAt: null },
    ]);
    expect(await listVms(register.db)).toMatchObject([{ goneAt: later(60) }]);
    await recordView(register.db, 'kvm-01', 'lab', view([device(nic), device(disk)]), later(90));
    expect((await listDevices(register.db)).items).toMatchObject([{ goneAt: null }, { goneAt: null }]);
  });

  it('is whole although many are written at once: the newest stays', async () => {
    const looks = Array.from({ length: 10 }, (_, index) => index);
    await Promise.all(
      looks.map((index) =>
        recordView(
          register.db,
          'kvm-01',
          'lab',
          view([device(nic, { kind: 'vm', vm: `vm-${index}` })]),
          later(index),
        ),
      ),
    );
    expect((await listDevices(register.db)).items[0]?.facts.holder).toEqual({ kind: 'vm', vm: 'vm-9' });
    expect(await listHosts(register.db)).toMatchObject([{ observedAt: later(9) }]);
  });

  it('is listed page by page over hosts, each device once', async () => {
    const addresses = ['0000:01:00.0', '0000:02:00.0', '0000:03:00.0'];
    for (const host of ['kvm-01', 'kvm-02']) {
      await recordView(register.db, host, 'lab', view(addresses.map((address) => device(address))), later(0));
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listDevices(register.db, { limit: 2, ...(cursor ? { cursor } : {}) });
      seen.push(...page.items.map((one) => `${one.host} ${one.facts.address}`));
      cursor = page.next ?? undefined;
    } while (cursor);
    expect(seen).toEqual(
      ['kvm-01', 'kvm-02'].flatMap((host) => addresses.map((address) => `${host} ${address}`)),
    );
  });
});
