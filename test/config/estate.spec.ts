import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { EstateError, parseEstate, readEstate, referencesOf, resolveReference } from '../../config/estate.js';

const directory = mkdtempSync(join(tmpdir(), 'estate-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const whole = `
sites:
  - id: lab
    hosts:
      - id: kvm-01
        hypervisor: libvirt
        connect: { ssh: { host: 127.0.0.1, port: 2222, user: slipway, identity: "file:keys/kvm-01", knownHosts: "file:keys/known_hosts" } }
        labels: { env: test }
        patience: { detachSeconds: 90 }
      - id: hv-07
        hypervisor: hyperv
        connect: { ssh: { host: hv-07.example.net, user: slipway, identity: "file:keys/hv-07", knownHosts: "file:keys/known_hosts" }, powershell: powershell }
      - id: sim-01
        hypervisor: simulated
        connect: { simulator: { url: "env:SLIPWAY_SIMULATOR_URL" } }
  - id: vc
    vcenter: { url: "https://vc.example.net/sdk", user: "env:VC_USER", password: "env:VC_PASSWORD", ca: "file:keys/vc-ca.pem" }
guests:
  voip-gateway: { probe: agent }
  "a name with 'quotes'": { probe: none }
  slow: { probe: agent, patienceSeconds: 900 }
aliases:
  isdn-card: { host: kvm-01, address: "02:0A.0" }
`;

/** An estate with one host whose connection is as given. */
const withHost = (host: string): string => `sites:\n  - id: lab\n    hosts:\n      - ${host}\n`;
const withSsh = (ssh: string): string => withHost(`{ id: k, hypervisor: libvirt, connect: { ssh: ${ssh} } }`);

function problemsOf(content: string): EstateError {
  try {
    parseEstate(content, 'estate.yaml');
  } catch (error) {
    if (error instanceof EstateError) return error;
    throw error;
  }
  throw new Error(`accepted: ${content}`);
}

describe('an estate file', () => {
  it('is read with its sites, hosts of every kind, guests and aliases, references still unresolved', () => {
    const estate = parseEstate(whole);
    expect(estate.sites.map((site) => site.id)).toEqual(['lab', 'vc']);
    expect(estate.sites[1]?.vcenter?.password).toBe('env:VC_PASSWORD');
    expect(estate.hosts.map((host) => [host.id, host.site, host.hypervisor])).toEqual([
      ['kvm-01', 'lab', 'libvirt'],
      ['hv-07', 'lab', 'hyperv'],
      ['sim-01', 'lab', 'simulated'],
    ]);
    expect(estate.hosts[0]).toMatchObject({
      labels: { env: 'test' },
      patience: { detachSeconds: 90 },
      connect: { ssh: { host: '127.0.0.1', port: 2222, user: 'slipway', identity: 'file:keys/kvm-01' } },
    });
    expect(estate.hosts[1]).toMatchObject({ connect: { ssh: { port: 22 }, powershell: 'powershell' } });
    expect(estate.guests['voip-gateway']).toEqual({ probe: 'agent', patienceSeconds: 240 });
    expect(estate.guests['slow']).toEqual({ probe: 'agent', patienceSeconds: 900 });
    expect(estate.aliases['isdn-card']).toEqual({ host: 'kvm-01', address: '0000:02:0a.0' });
  });

  it('of the demo is usable', () => {
    const file = fileURLToPath(new URL('../../lab/simulated/estate.yaml', import.meta.url));
    const estate = readEstate(file);
    expect(estate.hosts.map((host) => host.id)).toEqual(['sim-01', 'sim-02']);
    expect(estate.aliases['isdn-card']?.host).toBe('sim-01');
  });

  it('can’t be changed after it was read', () => {
    const estate = parseEstate(whole);
    expect(() => Object.assign(estate.hosts[0]!, { id: 'other' })).toThrow(TypeError);
    expect(() => Object.assign(estate.hosts[0]!.labels, { env: 'prod' })).toThrow(TypeError);
    expect(() => Object.assign(estate.guests, { other: {} })).toThrow(TypeError);
  });

  it('knows no guest or alias by a name that only JavaScript knows', () => {
    const estate = parseEstate(whole);
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(estate.guests[name]).toBeUndefined();
      expect(estate.aliases[name]).toBeUndefined();
    }
    expect(
      parseEstate('sites: []\nguests: { __proto__: { probe: agent } }').guests['__proto__'],
    ).toMatchObject({
      probe: 'agent',
    });
  });

  it('is told of every problem at once, each with place, line, expectation, finding and remedy', () => {
    const error = problemsOf(`
sites:
  - id: -lab
    hosts:
      - id: kvm-01
        hypervisor: xen
        connect: {}
      - id: kvm-02
        hypervisor: libvirt
        connect: { ssh: { host: h, port: 99999, user: u, identity: "file:k", knownHosts: "file:n" } }
guests:
  vm: { probe: telepathy }
`);
    expect(error.problems.map((problem) => problem.place)).toEqual([
      'sites[0].id (line 3)',
      'sites[0].hosts[0].hypervisor (line 6)',
      'sites[0].hosts[1].connect.ssh.port (line 10)',
      'guests.vm.probe (line 12)',
    ]);
    for (const problem of error.problems)
      expect(Object.values(problem).every((text) => text !== '')).toBe(true);
    expect(error.message).toContain('estate.yaml');
    expect(error.message).toContain('expected a port from 1 to 65535, found 99999; leave it out for 22');
  });

  it.each([
    ['nothing at all', '', 'the document'],
    ['a list', '- a', 'the document'],
    ['text', 'hello', 'the document'],
    ['no sites', 'guests: {}', 'sites'],
    ['sites that are no list', 'sites: { id: lab }', 'sites'],
    ['an unknown key', 'sites: []\nsecrets: {}', 'secrets'],
    ['a site without an id', 'sites: [{ hosts: [] }]', 'sites[0].id'],
    ['two sites of one id', 'sites: [{ id: a }, { id: a }]', 'sites'],
    [
      'two hosts of one id',
      'sites: [{ id: a, hosts: [&h { id: s, hypervisor: simulated, connect: { simulator: { url: "http://127.0.0.1:1" } } }, *h ] }]',
      'sites',
    ],
    ['a host without a connection', withHost('{ id: k, hypervisor: libvirt }'), 'sites[0].hosts[0].connect'],
    [
      'a connection of another kind',
      withHost('{ id: k, hypervisor: libvirt, connect: { simulator: { url: "http://127.0.0.1" } } }'),
      'sites[0].hosts[0].connect.simulator, sites[0].hosts[0].connect.ssh',
    ],
    [
      'a number as a label',
      withHost(
        '{ id: k, hypervisor: simulated, connect: { simulator: { url: "http://127.0.0.1" } }, labels: { rack: 7 } }',
      ),
      'sites[0].hosts[0].labels.rack',
    ],
    [
      'patience with guests for ever',
      withHost(
        '{ id: k, hypervisor: libvirt, connect: { ssh: { host: h, user: u, identity: "file:k", knownHosts: "file:n" } }, patience: { detachSeconds: 4000 } }',
      ),
      'sites[0].hosts[0].patience.detachSeconds',
    ],
    [
      'patience on a host that has none',
      withHost(
        '{ id: k, hypervisor: simulated, connect: { simulator: { url: "http://127.0.0.1" } }, patience: { detachSeconds: 10 } }',
      ),
      'sites[0].hosts[0].patience',
    ],
    [
      'an ssh host that is an option',
      withSsh('{ host: "-oProxyCommand=reboot", user: u, identity: "file:k", knownHosts: "file:n" }'),
      'sites[0].hosts[0].connect.ssh.host',
    ],
    [
      'an ssh user that is an option',
      withSsh('{ host: h, user: "-l", identity: "file:k", knownHosts: "file:n" }'),
      'sites[0].hosts[0].connect.ssh.user',
    ],
    [
      'no known hosts',
      withSsh('{ host: h, user: u, identity: "file:k" }'),
      'sites[0].hosts[0].connect.ssh.knownHosts',
    ],
    [
      'a NUL in a path',
      withSsh('{ host: h, user: u, identity: "file:k\\0", knownHosts: "file:n" }'),
      'sites[0].hosts[0].connect.ssh.identity',
    ],
    [
      'a simulator url that is no url',
      withHost('{ id: s, hypervisor: simulated, connect: { simulator: { url: "javascript:alert(1)" } } }'),
      'sites[0].hosts[0].connect.simulator.url',
    ],
    [
      'an alias of no host',
      'sites: []\naliases: { a: { host: nowhere, address: "0000:02:00.0" } }',
      'aliases.a.host',
    ],
    [
      'an alias of an address that YAML takes for a time',
      `${withHost('{ id: s, hypervisor: simulated, connect: { simulator: { url: "http://127.0.0.1" } } }')}aliases: { a: { host: s, address: 02:00.0 } }`,
      null,
    ],
    [
      'an alias of no address',
      `${withHost('{ id: s, hypervisor: simulated, connect: { simulator: { url: "http://127.0.0.1" } } }')}aliases: { a: { host: s, address: "02:00.0; reboot" } }`,
      'aliases.a.address',
    ],
    [
      'no patience',
      'sites: []\nguests: { v: { probe: agent, patienceSeconds: 0 } }',
      'guests.v.patienceSeconds',
    ],
    [
      'patience that is no number',
      'sites: []\nguests: { v: { probe: agent, patienceSeconds: [5] } }',
      'guests.v.patienceSeconds',
    ],
    ['a VM name with a newline', 'sites: []\nguests: { "a\\nb": { probe: none } }', 'guests["a\\nb"]'],
  ])('with %s is a clear problem or none, never half an estate', (_, content, place) => {
    if (place === null) {
      expect(parseEstate(content).aliases['a']?.address).toBe('0000:02:00.0');
      return;
    }
    const { problems } = problemsOf(content);
    expect(problems.map((problem) => problem.place.replace(/ \(line \d+\)$/, '')).join(', ')).toBe(place);
  });

  it.each([
    ['a tab and a torn bracket', 'sites: [\n\t{'],
    ['a key twice', 'sites: []\nsites: []'],
    ['two documents', 'sites: []\n---\nsites: []'],
    ['a tag that makes code', 'sites: !!js/function "function () {}"'],
    ['an alias of nothing', 'sites: *nothing'],
  ])('that is no plain YAML (%s) is refused with its line', (_, content) => {
    expect(problemsOf(content).problems[0]?.place).toMatch(/^(line \d+|the file)$/);
  });

  it('does not blow up with aliases of aliases', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (let letter = 98; letter < 107; letter++) {
      const [name, before] = [String.fromCharCode(letter), String.fromCharCode(letter - 1)];
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`);
    }
    expect(problemsOf(bomb.join('\n')).message).toContain('write the values out');
  });

  it('never shows a secret that was written where its reference belongs', () => {
    const secret = 'hunter2-canary';
    const password = problemsOf(
      `sites: [{ id: v, vcenter: { url: "https://v/sdk", user: "env:U", password: ${secret} } }]`,
    );
    expect(password.message).not.toContain(secret);
    expect(password.problems[0]?.place).toContain('sites[0].vcenter.password');
    const key = problemsOf(withSsh(`{ host: h, user: u, identity: ${secret}, knownHosts: "file:n" }`));
    expect(key.message).not.toContain(secret);
    const url = problemsOf(
      `sites: [{ id: v, vcenter: { url: "https://me:${secret}@v/sdk", user: "env:U", password: "env:P" } }]`,
    );
    expect(url.message).not.toContain(secret);
  });

  it('that can’t be read is named, with what to check', () => {
    const messageOf = (file: string): string => {
      try {
        readEstate(file);
      } catch (error) {
        return (error as Error).message;
      }
      return 'accepted';
    };
    expect(messageOf(join(directory, 'none.yaml'))).toMatch(/none\.yaml.*\n.*ENOENT.*SLIPWAY_ESTATE/);
    expect(messageOf(directory)).toContain('EISDIR');
    const bytes = join(directory, 'bytes.yaml');
    writeFileSync(bytes, Buffer.from([0x73, 0xff, 0xfe, 0x00]));
    expect(messageOf(bytes)).toContain('UTF-8');
    const large = join(directory, 'large.yaml');
    writeFileSync(large, `# ${'x'.repeat(2_000_000)}`);
    expect(messageOf(large)).toContain('at most');
  });
});

describe('a reference of the estate', () => {
  const key = join(directory, 'key');
  writeFileSync(key, 'private\n');

  it('gives the variable’s value, the file’s content or the file’s path, relative to the estate', () => {
    const references = referencesOf(directory, { TOKEN: 'value' });
    expect(references.valueOf('env:TOKEN')).toBe('value');
    expect(references.valueOf('file:key')).toBe('private');
    expect(references.pathOf('file:key')).toBe(key);
    expect(references.pathOf(`file:${key}`)).toBe(key);
    expect(resolveReference('file:./key', directory)).toBe('private');
  });

  it.each([
    ['env:MISSING', 'env:MISSING', 'none of this name'],
    ['env:EMPTY', 'env:EMPTY', 'an empty one'],
    ['file:nowhere', 'file:nowhere', 'ENOENT'],
    ['file:.', 'file:.', 'a directory'],
    ['plain-secret', 'not shown', 'a reference'],
    ['env:A B', 'not shown', 'a reference'],
  ])('that leads nowhere (%s) is named with its remedy', (reference, named, found) => {
    const resolve = (): string => resolveReference(reference, directory, { EMPTY: '' });
    expect(resolve).toThrow(named);
    expect(resolve).toThrow(found);
    expect(resolve).toThrow(/supply it|correct the reference/);
    expect(resolve).not.toThrow('plain-secret');
  });

  it('to a variable is no path', () => {
    expect(() => referencesOf(directory, { A: key }).pathOf('env:A')).toThrow('file:PATH');
  });
});
