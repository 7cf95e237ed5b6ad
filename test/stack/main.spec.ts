import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type StackAddresses, readAddresses } from '../../stack/addresses.js';
import { answersWell } from '../../stack/http-health.js';
import { anyPorts } from '../../stack/options.js';
import { compiled, readSetUp } from '../../stack/places.js';
import { type ProcessMark, isAlive, pause } from '../../stack/processes.js';
import { startStack } from '../../stack/stack.js';
import { tokenOf } from '../../stack/token.js';
import { temporaryHome } from './home.js';

const portNames = ['api', 'issuer', 'worker-health', 'postgres', 'simulator', 'temporal', 'temporal-ui'];
const freePorts = portNames.flatMap((name) => [`--${name}-port`, '0']);

/** `npm start` without npm: what it prints, and how it ends. */
class Supervisor {
  output = '';
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(args: readonly string[]) {
    this.process = spawn(readSetUp().node, [compiled('stack/main.js'), ...freePorts, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (data: Buffer) => (this.output += data.toString()));
    }
    this.ended = once(this.process, 'close').then(([code]) => code as number | null);
  }

  async says(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.process.exitCode !== null)
        throw new Error(`it ended without saying "${text}":\n${this.output}`);
      await pause(20);
    }
  }
}

/** What a supervisor noted as started in this home; it notes before it says anything. */
function childrenOf(home: string): ProcessMark[] {
  const path = join(home, 'children.json');
  if (!existsSync(path)) return [];
  return Object.values(JSON.parse(readFileSync(path, 'utf8')) as Record<string, ProcessMark>);
}

describe('npm start', () => {
  const home = temporaryHome();
  let first: Supervisor;
  let addresses: StackAddresses;
  beforeAll(async () => {
    first = new Supervisor(['--home', home.path]);
    await first.says('Ctrl-C stops all');
    addresses = readAddresses(home.path) as StackAddresses;
  }, 60_000);
  afterAll(async () => {
    first.process.kill('SIGKILL');
    await first.ended;
    home.remove();
  });

  it('is ready only when api and worker answer, and says where everything is', async () => {
    expect(await answersWell(`${addresses.apiUrl}/readyz`)).toBe(true);
    expect(await answersWell(`${addresses.workerHealthUrl}/readyz`)).toBe(true);
    for (const address of [addresses.apiUrl, addresses.temporal.uiUrl, addresses.issuer.url, home.path]) {
      expect(first.output).toContain(address);
    }
    expect(first.output).not.toMatch(/slipway_app:/);
  });

  it('gives people of the demo tokens that the api takes', async () => {
    const authorization = `Bearer ${await tokenOf('auditor', addresses)}`;
    const answer = await fetch(`${addresses.apiUrl}/v1/hosts`, { headers: { authorization } });
    expect(answer.status).toBe(200);
    expect((await fetch(`${addresses.apiUrl}/v1/hosts`)).status).toBe(401);
  });

  it('refuses politely when it runs here already', async () => {
    const second = new Supervisor(['--home', home.path]);
    expect(await second.ended).toBe(1);
    expect(second.output).toContain(`running here already (process ${first.process.pid}`);
    expect(second.output).not.toContain('    at ');
    expect(await answersWell(`${addresses.apiUrl}/readyz`)).toBe(true);
  });

  it('runs on servers of one’s own in place of the embedded ones, with the same code', async () => {
    const grown = temporaryHome();
    const stack = await startStack({
      ...anyPorts(),
      home: grown.path,
      databaseUrl: addresses.database.appUrl,
      databaseMigratorUrl: addresses.database.migratorUrl,
      temporalAddress: addresses.temporal.address,
      oidcIssuer: addresses.issuer.url,
    });
    try {
      expect(() => stack.child('postgres')).toThrow('runs no "postgres"');
      const authorization = `Bearer ${await tokenOf('auditor', addresses)}`;
      const answer = await fetch(`${stack.addresses.apiUrl}/v1/hosts`, { headers: { authorization } });
      expect(answer.status).toBe(200);
      await expect(tokenOf('auditor', stack.addresses)).rejects.toThrow('is not the local issuer');
    } finally {
      await stack.stop();
      grown.remove();
    }
  }, 60_000);

  it('stops everything within 15 seconds of a Ctrl-C', async () => {
    const marks = childrenOf(home.path);
    expect(marks.filter(isAlive)).toHaveLength(6);
    const begun = performance.now();
    first.process.kill('SIGINT');
    expect(await first.ended).toBe(0);
    expect(performance.now() - begun).toBeLessThan(15_000);
    expect(marks.filter(isAlive)).toEqual([]);
  }, 20_000);
});

describe('npm start that cannot', () => {
  const home = temporaryHome();
  let busy: Server;
  beforeAll(async () => {
    busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
  });
  afterAll(() => {
    busy.close();
    home.remove();
  });

  it('names the busy port and its option, and starts nothing', async () => {
    const { port } = busy.address() as AddressInfo;
    const supervisor = new Supervisor(['--home', home.path, '--api-port', String(port)]);
    expect(await supervisor.ended).toBe(1);
    expect(supervisor.output).toMatch(new RegExp(`port ${port} of the api is in use[^]*--api-port N`));
    expect(supervisor.output).not.toContain('is ready');
  });

  it.each([
    ['has an unknown key', 'sites:\n  - id: lab\n    hots: []\n', 'hots'],
    ['is missing', undefined, 'estate.yaml'],
  ])(
    'tells what is wrong with an estate that %s, and starts nothing',
    async (_, content, named) => {
      const estate = join(home.path, 'estate.yaml');
      if (content !== undefined) writeFileSync(estate, content);
      const path = content === undefined ? join(home.path, 'elsewhere', 'estate.yaml') : estate;
      const supervisor = new Supervisor(['--home', home.path, '--estate', path]);
      expect(await supervisor.ended).toBe(1);
      expect(supervisor.output).toMatch(/slipway does not start: the estate file .* is not usable/);
      expect(supervisor.output).not.toContain('is ready');
      expect(supervisor.output).toContain(named);
      expect(childrenOf(home.path).filter(isAlive)).toEqual([]);
    },
    60_000,
  );
});
