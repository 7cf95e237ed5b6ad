import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { claimKeys } from '../../../domain/act.js';
import {
  attach,
  createHost,
  detach,
  dismount,
  type FileHost,
  identity,
  mount,
  nic,
  nvme,
  order,
  refusal,
} from './world.js';

let host: FileHost;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.remove());

const state = '/var/lib/slipway-guard';
const keysOf = (...acts: ReturnType<typeof dismount>[]) =>
  claimKeys(
    identity,
    acts.map((act) => ({ host: 'kvm-01', ...act })),
  );
const fence = (epoch: number, ...acts: ReturnType<typeof dismount>[]) => ({
  host: 'kvm-01',
  fence: { epoch, keys: keysOf(...acts), hostIdentity: identity },
});

describe('only the newest claim acts', () => {
  it('a worker that slept through the end of its claim is refused', async () => {
    const hypervisor = host.hypervisor();
    await hypervisor.inspect(fence(8, dismount(nvme)));
    await expect(host.act(order(dismount(nvme), { epoch: 7 }))).rejects.toMatchObject(refusal('stale-epoch'));
    await expect(hypervisor.inspect(fence(7, dismount(nvme)))).rejects.toMatchObject(refusal('stale-epoch'));
    expect(host.changes()).toEqual([]);
    expect(await host.act(order(dismount(nvme), { epoch: 8 }))).toMatchObject({ result: 'done' });
  });

  it('an order that a later one has overtaken is refused, though its epoch is the newest', async () => {
    const early = order(dismount(nvme));
    await host.prepare(dismount(nvme), mount(nvme));
    await expect(host.act(early)).rejects.toMatchObject(refusal('stale-epoch'));
    expect(host.driver(nvme.address)).toBe('nvme');
  });

  it('an earlier attempt of the same order is refused once a later one was here', async () => {
    const given = order(dismount(nvme), { attempt: 2 });
    await host.act(given);
    await expect(host.act({ ...given, attempt: 1 })).rejects.toMatchObject(refusal('stale-epoch'));
  });

  it('claims on other devices and VMs are left alone', async () => {
    await host.hypervisor().inspect(fence(9, dismount(nic)));
    expect(await host.act(order(dismount(nvme), { epoch: 2 }))).toMatchObject({ result: 'done' });
  });

  it('an order that does not name every key it touches is refused', async () => {
    const keys = keysOf(dismount(nvme));
    await host.prepare(dismount(nvme));
    const given = order(attach(nvme), { keys });
    await expect(host.act(given)).rejects.toMatchObject(
      refusal('request-invalid', { where: { field: 'keys' } }),
    );
  });

  it('a fence reaches an act that waits for a guest: it stops waiting, and its late end harms nobody', async () => {
    await host.prepare(dismount(nvme), attach(nvme));
    host.update((next) => (next.domains[0]!.guest = 'hung'));
    const slow = host.act(order(detach(nvme)), { patience: { detachSeconds: 600 } });
    const ended = expect(slow).rejects.toMatchObject(refusal('stale-epoch'));
    await host.until(() => host.changes().some(([verb]) => verb === 'detach-device'));
    await host.hypervisor().inspect(fence(2, detach(nvme)));
    await ended;
  });

  it('a fence waits for an act that is being done: who looks next sees its effect', async () => {
    host.bend({ match: ['nodedev-detach'], effect: true, sleep: 1.5 });
    const slow = host.act(order(dismount(nvme)));
    await host.until(() => host.changes().length > 0);
    const view = await host.hypervisor().inspect(fence(2, dismount(nvme)));
    expect(view.devices.find(({ address }) => address === nvme.address)?.holder.kind).toBe('nobody');
    expect(await slow).toMatchObject({ result: 'done' });
  });
});

describe('an operation is done once', () => {
  it('a second attempt joins the first one that still runs', async () => {
    host.bend({ match: ['nodedev-detach'], effect: true, sleep: 1.5 });
    const given = order(dismount(nvme));
    const first = host.act(given);
    await host.until(() => host.changes().length > 0);
    const [one, two] = await Promise.all([first, host.act({ ...given, attempt: 2 })]);
    expect(two).toEqual(one);
    expect(host.changes()).toEqual([['nodedev-detach', 'pci_0000_02_00_0']]);
  });

  it('a second attempt after its end tells what the first one did, with the state before it', async () => {
    const given = order(dismount(nvme));
    const first = await host.act(given);
    const second = await host.act({ ...given, attempt: 2 });
    expect(second).toMatchObject({ result: 'done', before: first.before, ran: first.ran });
    expect(host.changes()).toHaveLength(1);
  });

  it('what somebody has undone since is not done again under the same id', async () => {
    const given = order(dismount(nvme));
    await host.act(given);
    await host.prepare(mount(nvme));
    const again = { ...given, sequence: given.sequence + 100, attempt: 2 };
    await expect(host.act(again)).rejects.toMatchObject(refusal('act-without-effect'));
    expect(host.driver(nvme.address)).toBe('nvme');
  });

  it('what was refused may be tried again', async () => {
    host.bend({ match: ['nodedev-detach'], stderr: 'error: internal error: no luck' });
    const given = order(dismount(nvme));
    await expect(host.act(given)).rejects.toMatchObject(refusal('act-refused'));
    expect(await host.act({ ...given, attempt: 2 })).toMatchObject({ result: 'done' });
  });

  it('an act whose process died in the middle is looked at, then finished, and knows what was before', async () => {
    const given = order(dismount(nvme));
    await host.prepare(mount(nic));
    const lines = [
      { event: 'begin' },
      { event: 'before', facts: [{ subject: 's', name: 'n', value: 'v', command: 'c', raw: 'r' }] },
      { event: 'acting' },
    ];
    const cutShort = '{"event": "resu';
    writeFileSync(
      host.at(`${state}/journal/${given.opId}.jsonl`),
      [...lines.map((line) => JSON.stringify(line)), cutShort].join('\n'),
    );
    const report = await host.act(given);
    expect(report).toMatchObject({ result: 'done', before: [{ subject: 's', value: 'v' }] });
  });

  it('a tool that does not come back is neither killed nor repeated, and what it does late is seen', async () => {
    host.connection({ words: ['--limit', '1'] });
    host.bend({ match: ['nodedev-detach'], effect: true, sleep: 4 });
    const given = order(dismount(nvme));
    await expect(host.act(given)).rejects.toMatchObject(refusal('outcome-unknown'));
    await expect(host.act({ ...given, attempt: 2 })).rejects.toMatchObject(refusal('outcome-unknown'));
    expect(await host.act(order(mount(nvme)))).toMatchObject({ result: 'done' });
    expect(host.changes().map(([verb]) => verb)).toEqual(['nodedev-detach', 'nodedev-reattach']);
    expect(readFileSync(host.at(`${state}/journal/${given.opId}.jsonl`), 'utf8')).toContain(
      '"event": "late"',
    );
  });
});

describe('a guard without its memory', () => {
  it('seeds itself on a host where Slipway never acted', async () => {
    const hypervisor = host.hypervisor();
    expect(await hypervisor.guardStatus()).toEqual({
      version: 1,
      protocol: 1,
      hostIdentity: identity,
      seeded: false,
    });
    await hypervisor.inspect(fence(3, dismount(nvme)));
    expect(await hypervisor.guardStatus()).toMatchObject({ seeded: true, watermark: 3 });
    expect(existsSync(host.at(`${state}/first-contact`))).toBe(false);
  });

  it('refuses on a host where Slipway did act, also when the program is gone as well', async () => {
    const hypervisor = host.hypervisor({ isKnownHost: () => Promise.resolve(true) });
    await expect(hypervisor.inspect(fence(3, dismount(nvme)))).rejects.toMatchObject(
      refusal('guard-missing'),
    );
    await expect(host.act(order(dismount(nvme)))).rejects.toMatchObject(refusal('guard-missing'));
    expect(host.changes()).toEqual([]);
    expect((await hypervisor.inspect({ host: 'kvm-01' })).host.identity).toBe(identity);
  });

  it.each([
    ['lost', () => rmSync(host.at(`${state}/epochs.json`))],
    ['damaged', () => writeFileSync(host.at(`${state}/epochs.json`), '{"keys": {"device/')],
  ])('%s: refuses until an operator seeds it, and then below the floor nobody acts', async (_, lose) => {
    await host.prepare(dismount(nic));
    lose();
    const again = order(dismount(nvme), { epoch: 4 });
    await expect(host.act(again)).rejects.toMatchObject(refusal('guard-missing'));
    const hypervisor = host.hypervisor();
    await hypervisor.seedGuard({ hostIdentity: identity, floor: 5, by: 'operator-1' });
    await expect(host.act(order(dismount(nvme), { epoch: 4 }))).rejects.toMatchObject(refusal('stale-epoch'));
    expect(await host.act(order(dismount(nvme), { epoch: 5 }))).toMatchObject({ result: 'done' });
  });

  it('is never seeded below what it remembers', async () => {
    const hypervisor = host.hypervisor();
    await hypervisor.inspect(fence(9, dismount(nvme)));
    await hypervisor.seedGuard({ hostIdentity: identity, floor: 1, by: 'operator-1' });
    await expect(host.act(order(dismount(nic), { epoch: 8 }))).rejects.toMatchObject(refusal('stale-epoch'));
  });

  it('refuses a folder that others can write', async () => {
    await host.prepare(dismount(nic));
    rmSync(host.at(`${state}/locks`), { recursive: true });
    mkdirSync(host.at(`${state}/locks`), { mode: 0o777 });
    const { mode } = await import('node:fs').then((fs) => {
      fs.chmodSync(host.at(`${state}/locks`), 0o777);
      return fs.statSync(host.at(`${state}/locks`));
    });
    expect(mode & 0o022).not.toBe(0);
    await expect(host.act(order(dismount(nvme)))).rejects.toMatchObject(refusal('guard-missing'));
  });
});

describe('another host under the same name', () => {
  it('is refused before anything is looked up or done', async () => {
    await host.prepare(dismount(nic));
    host.put('/etc/machine-id', 'ffffffffffffffffffffffffffffffff\n');
    await expect(host.act(order(dismount(nvme)))).rejects.toMatchObject(refusal('host-identity-changed'));
    await expect(host.hypervisor().inspect(fence(9, dismount(nvme)))).rejects.toMatchObject(
      refusal('host-identity-changed'),
    );
    expect(host.driver(nvme.address)).toBe('nvme');
  });

  it('keeps epochs only for the host they were published on', async () => {
    await host.hypervisor().inspect(fence(1, dismount(nvme)));
    const stored = JSON.parse(readFileSync(host.at(`${state}/epochs.json`), 'utf8')) as object;
    writeFileSync(
      host.at(`${state}/epochs.json`),
      JSON.stringify({ ...stored, hostIdentity: 'f'.repeat(64) }),
    );
    await expect(host.act(order(dismount(nvme)))).rejects.toMatchObject(refusal('host-identity-changed'));
  });
});
