import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Act, Order } from '../../../domain/act.js';
import { commandsOf } from '../../../hypervisors/libvirt/commands.js';
import { attach, createHost, dismount, type FileHost, nvme, order, refusal, voip } from './world.js';

let host: FileHost;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.remove());

const hostile = [
  '; touch /tmp/owned',
  '$(touch /tmp/owned)',
  '--live',
  '-c qemu:///session',
  'a\nb',
  'a\u0000b',
  "'\"><alias name='x'/>",
  '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
  '0000:02:00.0\n',
  '../../../etc',
  '\ud800',
  '',
];

/** Every place of an order that takes a text, with the field the answer must name. */
const places: [string, (order: Order, text: string) => void][] = [
  ['opId', (one, text) => (one.opId = text)],
  ['hostIdentity', (one, text) => (one.hostIdentity = text)],
  ['keys', (one, text) => one.keys.push(text)],
  ['device.address', (one, text) => (one.act.device!.address = text)],
  ['device.members', (one, text) => one.act.device!.members.push(text)],
  ['device.hostDriver', (one, text) => (one.act.device!.hostDriver = text)],
  ['vm.uuid', (one, text) => (one.act.vm!.uuid = text)],
  ['verb', (one, text) => (one.act.verb = text as Act['verb'])],
  ['placement', (one, text) => (one.act.placement = text as 'hot')],
];

describe('a hostile text', () => {
  it.each(places)('in %s is refused by its name, and no program hears of it', async (field, put) => {
    await host.prepare(dismount(nvme));
    const calls = host.virshCalls().length;
    const { transport } = await guardOf(host);
    for (const text of hostile) {
      // An opId may hold dashes: it is part of a file's name and of an alias, never a word of its own.
      if (field === 'opId' && text === '--live') continue;
      const given = structuredClone(order(attach(nvme)));
      put(given, text);
      const document = { verb: 'act', ...given, detachSeconds: 1, shutdownSeconds: 1 };
      await expect(transport.ask({ document })).rejects.toMatchObject(
        refusal('request-invalid', { where: { host: 'kvm-01', field } }),
      );
    }
    expect(host.virshCalls()).toHaveLength(calls);
    expect(host.journal().filter((name) => name.endsWith('.jsonl'))).toHaveLength(1);
    await transport.close();
  });

  it('in the name of a VM is only shown: VMs are known by uuid', async () => {
    await host.prepare(dismount(nvme));
    const name = '--live \'; rm <x/> & "quotes" é';
    host.update((state) => (state.domains[0]!.name = name));
    const report = await host.act(order(attach(nvme, { ...voip, name })));
    expect(report.after.map((fact) => fact.subject)).toContain(`vm ${name}`);
    expect(host.changes().flat()).not.toContain(name);
    const facts = await host
      .hypervisor()
      .snapshot({ host: 'kvm-01', devices: [nvme], vms: [{ ...voip, name }] });
    expect(facts.find((fact) => fact.name === 'holder')?.value).toBe(`vm ${name}`);
  });

  it('in a VM’s own labels comes out as it is', async () => {
    const value = '&lt;script&gt;; echo slipway-00';
    host.update(
      (state) =>
        (state.domains[0]!.metadata = `<title>--all</title><metadata><l:labels xmlns:l="urn:slipway:labels"><l:label name="owner" value="${value}"/></l:labels></metadata>`),
    );
    const view = await host.hypervisor().inspect({ host: 'kvm-01' });
    expect(view.vms[0]?.labels).toEqual({ title: '--all', owner: '<script>; echo slipway-00' });
  });

  it('in a fingerprint is compared and nothing else', async () => {
    for (const serial of ["N0'; true", '--', '<N0/>']) {
      const device = { ...nvme, fingerprint: { ...nvme.fingerprint, serial } };
      await expect(host.act(order(dismount(device)))).rejects.toMatchObject(refusal('fingerprint-mismatch'));
    }
  });

  it('never becomes part of a command a reviewer sees', () => {
    for (const text of hostile) {
      const act = { host: 'kvm-01', ...attach({ ...nvme, address: text }) };
      expect(() => commandsOf(act)).toThrow(/field device/);
      expect(() => commandsOf({ host: 'kvm-01', ...attach(nvme, { ...voip, uuid: text }) })).toThrow(
        /field vm/,
      );
    }
  });
});

describe('a document that is none', () => {
  it.each([
    ['a verb it does not have', { verb: 'shell' }],
    ['a verb of Python’s', { verb: '__init__' }],
    ['an act of another kind', { verb: 'observe', act: [] }],
    ['an act without its device', { verb: 'observe', act: { verb: 'mount' } }],
    ['numbers as texts', { verb: 'seed', hostIdentity: 'f'.repeat(64), floor: '1', by: 'x' }],
  ])('%s is refused', async (_, document) => {
    const { transport } = await guardOf(host);
    const answer = expect(transport.ask({ document })).rejects;
    await answer.toMatchObject({
      failure: { reason: expect.stringMatching(/request-invalid|host-identity/) },
    });
    await transport.close();
  });

  it('a document of more than a megabyte is refused before it is read', async () => {
    const { transport } = await guardOf(host);
    const document = { verb: 'inspect', more: 'x'.repeat(1 << 21) };
    await expect(transport.ask({ document })).rejects.toMatchObject(refusal('request-invalid'));
    await transport.close();
  });
});

async function guardOf(on: FileHost) {
  const { createTransport } = await import('../../../hypervisors/libvirt/transport.js');
  return { transport: createTransport(on.options()) };
}
