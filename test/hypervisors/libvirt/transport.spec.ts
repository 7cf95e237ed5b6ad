import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { guardProgram } from '../../../hypervisors/libvirt/guard/program.js';
import { controlPath } from '../../../hypervisors/libvirt/ssh-arguments.js';
import { createHost, dismount, type FileHost, mount, nvme, order, refusal } from './world.js';

let host: FileHost;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.remove());

const look = { host: 'kvm-01' };
const installed = '/usr/local/lib/slipway/slipway-guard';

describe('the connection', () => {
  it('asks no file of the account that runs the worker, and trusts known hosts only', async () => {
    await host.hypervisor().inspect(look);
    const argv = host.sshCalls().at(-1)!;
    const settings = argv.flatMap((word, at) => (argv[at - 1] === '-o' ? [word] : []));
    expect(argv.slice(0, 2)).toEqual(['-F', 'none']);
    expect(settings).toEqual(
      expect.arrayContaining([
        'BatchMode=yes',
        'StrictHostKeyChecking=yes',
        `UserKnownHostsFile="${host.at('known_hosts')}"`,
        'GlobalKnownHostsFile=/dev/null',
        `IdentityFile="${host.at('id')}"`,
        'IdentitiesOnly=yes',
        'IdentityAgent=none',
        'ControlMaster=auto',
        'ControlPersist=60',
      ]),
    );
    expect(argv.slice(-7)).toEqual(['-p', '2222', '-l', 'root', '--', '127.0.0.1', `${installed} serve`]);
  });

  it('runs the same words for every act: nothing of a request is on a command line', async () => {
    await host.prepare(dismount(nvme), mount(nvme));
    await host.hypervisor().inspect(look);
    const [first, ...others] = host.sshCalls().filter((argv) => argv.at(-1) === `${installed} serve`);
    for (const argv of others) expect(argv).toEqual(first);
  });

  it('uses sudo for another account, with words a sudoers rule can name', async () => {
    const { ssh } = host.options();
    const hypervisor = host.hypervisor({ ssh: { ...ssh, user: 'slipway' } });
    await expect(hypervisor.inspect(look)).rejects.toMatchObject(refusal('guard-outdated'));
    expect(host.sshCalls().map((argv) => argv.at(-1))).toEqual([`sudo -n ${installed} serve`]);
  });

  it('refuses a directory in which its socket’s path would be too long for the kernel', () => {
    const { ssh } = host.options();
    expect(() => controlPath(`/${'x'.repeat(90)}`, 'kvm-01', ssh)).toThrow(/runtimeDir/);
    expect(Buffer.byteLength(controlPath('/run/slipway', 'kvm-01', ssh))).toBeLessThan(91);
  });

  it('refuses paths that ssh would read as something else, and protects those it would expand', async () => {
    const { ssh } = host.options();
    for (const identityFile of ['a"b', '/x/${HOME}/y', '/x\n/y'])
      await expect(async () =>
        host.hypervisor({ ssh: { ...ssh, identityFile } }).inspect(look),
      ).rejects.toMatchObject(refusal('request-invalid'));
    await host.hypervisor({ ssh: { ...ssh, knownHostsFile: '/a b/%h' } }).inspect(look);
    expect(host.sshCalls().at(-1)).toContain('UserKnownHostsFile="/a b/%%h"');
  });

  it.each([
    ['ssh: connect to host 127.0.0.1 port 2222: Connection refused', 'host-unreachable'],
    ['ssh: Could not resolve hostname kvm-01: Name or service not known', 'host-unreachable'],
    ['root@127.0.0.1: Permission denied (publickey).', 'access-denied'],
    [
      'No ED25519 host key is known for [127.0.0.1]:2222\nHost key verification failed.',
      'host-identity-changed',
    ],
  ] as const)('that does not come about has done nothing: %s', async (end, reason) => {
    host.connection({ end });
    await expect(host.act(order(dismount(nvme)))).rejects.toMatchObject(refusal(reason, { cause: end }));
    await expect(host.hypervisor().inspect(look)).rejects.toMatchObject(refusal(reason));
  });

  it('to something else than a guard is not taken for one', async () => {
    await host.hypervisor().inspect(look);
    writeFileSync(host.at(installed), 'print("Welcome to kvm-01!")\n');
    await expect(host.hypervisor().inspect(look)).rejects.toMatchObject(refusal('host-unreachable'));
  });
});

describe('the guard’s program', () => {
  it('comes to a host that has none, once, and is exchanged for the one of this version', async () => {
    await host.hypervisor().inspect(look);
    expect(readFileSync(host.at(installed))).toEqual(guardProgram.text);
    expect(statSync(host.at(installed)).mode & 0o777).toBe(0o755);
    await host.hypervisor().inspect(look);
    expect(host.sshCalls()).toHaveLength(4);
    writeFileSync(
      host.at(installed),
      guardProgram.text.toString().replace('"""slipway-guard:', '"""the guard:'),
    );
    await host.hypervisor().inspect(look);
    expect(readFileSync(host.at(installed))).toEqual(guardProgram.text);
  });

  it('that is newer is left alone while it speaks our protocol', async () => {
    await host.hypervisor().inspect(look);
    const newer = guardProgram.text.toString().replace(/^VERSION = \d+$/m, 'VERSION = 99');
    writeFileSync(host.at(installed), newer);
    await host.hypervisor().inspect(look);
    expect(readFileSync(host.at(installed), 'utf8')).toBe(newer);
  });

  it('that is a forced command is not exchanged by us: the administrator is told', async () => {
    await host.hypervisor().inspect(look);
    const older = guardProgram.text.toString().replace('"""slipway-guard:', '"""the guard:');
    writeFileSync(host.at(installed), older);
    host.connection({ words: ['--forced'] });
    await expect(host.act(order(dismount(nvme)))).rejects.toMatchObject(refusal('guard-outdated'));
    expect(readFileSync(host.at(installed), 'utf8')).toBe(older);
  });

  it('refuses words nobody promised', async () => {
    await host.hypervisor().inspect(look);
    host.connection({ words: ['--no-checks'] });
    await expect(host.hypervisor().inspect(look)).rejects.toMatchObject(refusal('host-unreachable'));
  });
});

describe('a reply that is lost', () => {
  it('before the order was sent: nothing has happened, and the next attempt does it', async () => {
    const faults = [{ step: 'dismount', when: 'before' as const }];
    const hypervisor = host.hypervisor({ faults });
    const given = order(dismount(nvme));
    const act = () => hypervisor.act(given, () => undefined, new AbortController().signal);
    await expect(act()).rejects.toMatchObject(refusal('host-unreachable'));
    expect(host.changes()).toEqual([]);
    expect(await act()).toMatchObject({ result: 'done' });
  });

  it('after the effect: nobody knows until somebody looks, and it is not done twice', async () => {
    const hypervisor = host.hypervisor({ faults: [{ step: 'dismount 0000:02:00.0', when: 'after' }] });
    const given = order(dismount(nvme));
    const act = (attempt: number) =>
      hypervisor.act({ ...given, attempt }, () => undefined, new AbortController().signal);
    await expect(act(1)).rejects.toMatchObject(refusal('outcome-unknown'));
    expect(await hypervisor.observe(given.act)).toMatchObject({ reached: 'yes' });
    expect(await act(2)).toMatchObject({
      result: 'done',
      ran: [{ argv: expect.arrayContaining(['nodedev-detach']) }],
    });
    expect(host.changes()).toHaveLength(1);
  });

  it('for ever: only the caller’s own limit ends it', async () => {
    const hypervisor = host.hypervisor({ faults: [{ step: 'dismount', when: 'hang' }] });
    const limit = new AbortController();
    const act = hypervisor.act(order(dismount(nvme)), () => undefined, limit.signal);
    const ended = expect(act).rejects.toMatchObject(refusal('outcome-unknown'));
    await host.until(() => host.driver(nvme.address) === 'vfio-pci');
    limit.abort();
    await ended;
  });

  it('because we gave up in the middle: what the host began it ends', async () => {
    host.bend({ match: ['nodedev-detach'], effect: true, sleep: 1 });
    const limit = new AbortController();
    const act = host.hypervisor().act(order(dismount(nvme)), () => undefined, limit.signal);
    const ended = expect(act).rejects.toMatchObject(refusal('outcome-unknown'));
    await host.until(() => host.changes().length > 0);
    limit.abort();
    await ended;
    expect(host.driver(nvme.address)).toBe('nvme');
    await host.until(() => host.driver(nvme.address) === 'vfio-pci');
  });

  it('tells the caller when the order is out, and that the host lives meanwhile', async () => {
    const notes: string[] = [];
    host.bend({ match: ['nodedev-detach'], effect: true, sleep: 2.5 });
    await host
      .hypervisor()
      .act(order(dismount(nvme)), (note) => notes.push(note), new AbortController().signal);
    expect(notes[0]).toBe('sent');
    expect(notes).toContain('virsh nodedev-detach');
    expect(notes.at(-1)).toBe('the host is at it');
  });
});

describe('after the end', () => {
  it('closing ends the shared connection', async () => {
    const hypervisor = host.hypervisor();
    await hypervisor.inspect(look);
    await hypervisor.close();
    expect(host.sshCalls().at(-1)).toEqual(expect.arrayContaining(['-O', 'exit']));
  });

  it('no process is left behind', async () => {
    await host.prepare(dismount(nvme));
    await host.until(() => {
      const running = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
      return !running.split('\n').some((line) => line.includes(host.root));
    });
  });
});
