import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import type { Command } from 'commander';
import { slipway as slipwayProgram } from '../../cli/program.js';
import type { ChangeView } from '../../cli/schemas.js';
import { recordView } from '../../records/inventory.js';
import { writeCheckpoint } from '../../records/audit-export.js';
import { device, view } from '../records/samples.js';
import { startApi, type TestApi } from '../api/support/api.js';
import { freshRegister, type TestRegister } from '../support/postgres.js';
import { type Ran, slipway } from './support/run.js';

let register: TestRegister;
let api: TestApi;
let tokens: Record<'requester' | 'auditor', string>;
const folder = mkdtempSync(join(tmpdir(), 'slipway-cli-'));
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const checkpoints = generateKeyPairSync('ed25519');

beforeAll(async () => {
  register = await freshRegister();
  api = await startApi({ databaseUrl: register.database.appUrl });
  tokens = {
    requester: await api.issuer.token('requester', ['requester']),
    auditor: await api.issuer.token('auditor', ['auditor']),
  };
});
afterAll(async () => {
  await api?.close();
  await register?.close();
  rmSync(folder, { recursive: true, force: true });
});

function as(name: 'requester' | 'auditor', args: string[], input?: string): Promise<Ran> {
  const env = { SLIPWAY_API_URL: api.url, SLIPWAY_TOKEN: tokens[name] };
  return slipway(args, { env, ...(input === undefined ? {} : { input }) });
}

const request = `
apiVersion: slipway/v1
kind: ChangeRequest
action: attach
host: sim-01
vm: voip-gateway
devices:
  - alias: isdn-card
reason: Gateway moves
`;

async function created(): Promise<ChangeView> {
  const { out } = await as('requester', ['change', 'create', '-f', '-', '-o', 'json'], request);
  return JSON.parse(out) as ChangeView;
}

describe('a command line that is wrong', () => {
  const lines: [string, string[]][] = [
    ['no such command', ['chnage', 'list']],
    ['no such option', ['change', 'list', '--all']],
    ['no command at all', []],
    ['a form of output nobody knows', ['change', 'list', '-o', 'xml']],
    ['a review without the hash of the plan', ['review', 'approve', 'chg_x']],
    ['an order without a reason', ['change', 'cancel', 'chg_x']],
    ['a timeout that is none', ['change', 'watch', 'chg_x', '--timeout', 'soon']],
    ['a file and a change to verify', ['audit', 'verify', 'x.json', '--change', 'chg_x']],
    ['a request in a file that is not there', ['change', 'create', '-f', '/nonexistent.yaml']],
  ];
  it.each(lines)('%s ends with 2 and says so on standard error only', async (_, args) => {
    const { code, out, err } = await as('requester', args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).not.toBe('');
  });

  it('a request that is not YAML is not sent; an alias bomb is none either', async () => {
    for (const text of ['devices: [', 'a: &a [x, x]\nb: [*a, *a]']) {
      const { code, err } = await as('requester', ['change', 'create', '-f', '-'], text);
      expect({ code, told: err.includes('neither YAML nor JSON') }).toEqual({ code: 2, told: true });
    }
  });
});

describe('help', () => {
  const leavesOf = (command: Command): Command[] =>
    command.commands.length > 0 ? command.commands.flatMap(leavesOf) : [command];
  const pathOf = (command: Command): string =>
    command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

  it('of every command has an example of that very command', () => {
    const leaves = leavesOf(slipwayProgram());
    expect(leaves.length).toBeGreaterThan(20);
    for (const leaf of leaves) {
      let help = '';
      leaf.configureOutput({ writeOut: (text) => (help += text) });
      leaf.outputHelp();
      expect({ command: pathOf(leaf), example: help.includes(`$ ${pathOf(leaf)}`) }).toEqual({
        command: pathOf(leaf),
        example: true,
      });
    }
  });

  it('says what the exit codes mean, and ends with 0', async () => {
    const { code, out } = await slipway(['--help']);
    expect({
      code,
      told: out.includes('5 the change failed and was undone, 6 the change is parked'),
    }).toEqual({ code: 0, told: true });
  });
});

describe('an API that says no', () => {
  it('is told with title, field and remedy, and its kind is the exit code', async () => {
    const wrong = await as('requester', ['change', 'create', '-f', '-'], request.replace('sim-01', 'kvm-99'));
    expect(wrong.code).toBe(2);
    expect(wrong.err).toBe(
      [
        'error: The estate has no such host (host-unknown)',
        '  /host: the estate has no host kvm-99',
        '  remedy: Use a host id of the estate, or add the host to the estate file.',
        '',
      ].join('\n'),
    );
    expect((await as('requester', ['audit', 'list'])).code).toBe(4);
    expect((await as('requester', ['change', 'get', 'chg_nobody'])).code).toBe(1);
    expect((await as('requester', ['change', 'list', '--limit', '0'])).code).toBe(2);
  });

  it('to a conflict ends with 3', async () => {
    const { id } = await created();
    const operator = await api.issuer.token('operator', ['operator']);
    const ran = await slipway(['change', 'resolve', id, 'accept', '--reason', 'x', '--api', api.url], {
      env: { SLIPWAY_TOKEN: operator },
    });
    expect({ code: ran.code, told: ran.err.includes('(not-now)') }).toEqual({ code: 3, told: true });
  });

  it('because nobody said who speaks ends with 4, before anything is sent', async () => {
    const { code, err } = await slipway(['change', 'list', '--api', api.url]);
    expect({ code, told: err.includes('slipway token --as NAME') }).toEqual({ code: 4, told: true });
  });

  it('is told from one that is not there, and from something else that listens', async () => {
    const gone = await slipway(['change', 'list', '--api', 'http://127.0.0.1:1'], {
      env: { SLIPWAY_TOKEN: 'x' },
    });
    expect({ code: gone.code, told: gone.err.includes('does not answer') }).toEqual({ code: 1, told: true });
    const other = await slipway(['change', 'list', '--api', api.issuer.url], { env: { SLIPWAY_TOKEN: 'x' } });
    expect({ code: other.code, told: other.err.includes('something else may be listening') }).toEqual({
      code: 1,
      told: true,
    });
    const nothing = await slipway(['change', 'list', '--api', 'ftp://x'], { env: { SLIPWAY_TOKEN: 'x' } });
    expect(nothing.code).toBe(2);
    const unknown = await slipway(['change', 'list']);
    expect({ code: unknown.code, told: unknown.err.includes('npm start') }).toEqual({ code: 2, told: true });
  });
});

describe('what is printed', () => {
  it('as JSON and as YAML is what the API answered, from a file as from standard input', async () => {
    const fromFile = await as('requester', [
      'change',
      'create',
      '-f',
      file('attach.yaml', request),
      '-o',
      'yaml',
    ]);
    const change = parse(fromFile.out) as ChangeView;
    const again = await as('requester', ['-o', 'json', 'change', 'get', change.id]);
    expect(JSON.parse(again.out)).toEqual(change);
    expect(change.request.devices).toEqual([{ address: '0000:02:00.0', alias: 'isdn-card', mode: 'pci' }]);
  });

  it('as a table has one line for each change and says how to go on', async () => {
    await created();
    await created();
    const { out } = await as('requester', ['change', 'list', '--limit', '1']);
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^CHANGE +ACTION +DEVICES/);
    expect(lines[1]).toMatch(/^chg_\w{26} +attach +isdn-card +voip-gateway +sim-01 +inspecting/);
    expect(lines[2]).toMatch(/^more: --cursor \S+$/);
    const next = await as('requester', [
      'change',
      'list',
      '--limit',
      '1',
      '--cursor',
      lines[2]!.split(' ').at(-1)!,
    ]);
    expect(next.out.split('\n')[1]).not.toBe(lines[1]);
  });

  it('never moves the cursor of a terminal, whatever a host calls its devices', async () => {
    const evil = { ...device('0000:0a:00.0'), name: 'card\u001b[2J\u202egood\nline' };
    await recordView(register.db, 'sim-01', 'lab', view([evil]), new Date().toISOString(), {});
    const { out } = await as('requester', ['device', 'list']);
    expect(out).toContain('card\\u001b[2J\\u202egood\\u000aline');
    expect(out).not.toContain('\u001b');
  });

  it('of hosts names those that nobody has seen yet', async () => {
    const { out } = await as('requester', ['host', 'list']);
    expect(out).toMatch(/sim-02 +lab +not seen yet/);
  });

  it('a token is never printed when something goes wrong', async () => {
    const ran = await slipway(['change', 'list', '--api', api.url], {
      env: { SLIPWAY_TOKEN: 'secret-canary' },
    });
    expect(ran.code).toBe(4);
    expect(ran.out + ran.err).not.toContain('secret-canary');
  });
});

describe('audit verify', () => {
  const key = (): string =>
    file('checkpoint.pem', checkpoints.publicKey.export({ type: 'spki', format: 'pem' }).toString());

  it('fetches and proves a chain, and works offline on an export with the checkpoints’ key', async () => {
    const { id } = await created();
    await writeCheckpoint(register.db, checkpoints.privateKey, new Date().toISOString());
    const fetched = await as('auditor', ['audit', 'verify', '--change', id]);
    expect({ code: fetched.code, verified: /verdict: +verified/.test(fetched.out) }).toEqual({
      code: 0,
      verified: true,
    });
    const exported = file('export.json', (await as('auditor', ['audit', 'export'])).out);
    const offline = await slipway(['audit', 'verify', exported, '--key', key(), '-o', 'json']);
    expect(offline.code).toBe(0);
    expect(JSON.parse(offline.out)).toMatchObject({ verified: true, signaturesChecked: true, defects: [] });
  });

  it('ends with 1 and names the event when one word of an export was changed', async () => {
    await created();
    const { out } = await as('auditor', ['audit', 'export']);
    const { code, out: verdict } = await slipway([
      'audit',
      'verify',
      file('tampered.json', out.replace('Gateway moves', 'Gateway stays')),
    ]);
    expect({ code, told: /event-changed: chg_\w+, event 1/.test(verdict) }).toEqual({ code: 1, told: true });
  });

  it('ends with 1 when a checkpoint was signed by somebody else', async () => {
    await created();
    await writeCheckpoint(register.db, checkpoints.privateKey, new Date().toISOString());
    const exported = JSON.parse((await as('auditor', ['audit', 'export'])).out) as {
      checkpoints: { signature: string }[];
    };
    const stranger = generateKeyPairSync('ed25519');
    exported.checkpoints.forEach(
      (one) => (one.signature = sign(null, Buffer.from('x'), stranger.privateKey).toString('base64url')),
    );
    const { code, out } = await slipway([
      'audit',
      'verify',
      file('forged.json', JSON.stringify(exported)),
      '--key',
      key(),
    ]);
    expect({ code, told: out.includes('signature-wrong') }).toEqual({ code: 1, told: true });
  });

  it('of a file that is no export, or no file, says which', async () => {
    const junk = await slipway(['audit', 'verify', file('junk.json', '{"events": 7}')]);
    expect({ code: junk.code, told: junk.out.includes('malformed') }).toEqual({ code: 1, told: true });
    const broken = await slipway(['audit', 'verify', file('broken.json', '{')]);
    expect({ code: broken.code, told: broken.err.includes('is not JSON') }).toEqual({ code: 2, told: true });
    const noKey = await slipway([
      'audit',
      'verify',
      file('none.json', '{}'),
      '--key',
      file('no.pem', 'no key'),
    ]);
    expect({ code: noKey.code, told: noKey.err.includes('no.pem') }).toEqual({ code: 2, told: true });
  });
});

it('the example request of the documentation is taken', async () => {
  const [, example = ''] = /```yaml\n(apiVersion[\s\S]*?)```/.exec(readFileSync('docs/cli.md', 'utf8')) ?? [];
  const mine = example
    .replace(/host: \S+/, 'host: sim-01')
    .replace(/^window:.*$/m, '')
    .replace(/^lease:.*$/m, '');
  const { code, err } = await as('requester', ['change', 'create', '-f', '-'], mine);
  expect({ code, err }).toEqual({ code: 0, err: '' });
});
