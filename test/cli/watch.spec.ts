import { createServer, request as forward, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createChange } from '../../records/changes.js';
import { type ProgressEntry, recordProgress } from '../../records/progress.js';
import { newChangeId } from '../../api/changes/change-id.js';
import { newChange } from '../records/samples.js';
import { startApi, type TestApi } from '../api/support/api.js';
import { listening } from '../api/support/issuer.js';
import { freshRegister, type TestRegister } from '../support/postgres.js';
import { type Ran, slipway } from './support/run.js';

let register: TestRegister;
let api: TestApi;
let line: CutLine;
let token: string;
beforeAll(async () => {
  register = await freshRegister();
  api = await startApi({ databaseUrl: register.database.appUrl });
  line = await CutLine.to(api.url);
  token = await api.issuer.token('requester', ['requester']);
});
afterAll(async () => {
  await line?.close();
  await api?.close();
  await register?.close();
});

/** A line to the API that a test can cut while something goes over it. */
class CutLine {
  url = '';
  private readonly server: Server;
  /** Last-Event-ID of each stream that was asked for. */
  readonly streams: (string | undefined)[] = [];

  /** All that came from the API. */
  passed = '';

  private constructor(target: string) {
    this.server = createServer((incoming, outgoing) => {
      if (incoming.url?.endsWith('/events'))
        this.streams.push(incoming.headers['last-event-id'] as string | undefined);
      const on = forward(
        target + incoming.url,
        { method: incoming.method, headers: incoming.headers },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.on('data', (chunk: Buffer) => (this.passed += chunk.toString()));
          answer.pipe(outgoing);
        },
      );
      on.on('error', () => outgoing.destroy());
      outgoing.on('close', () => on.destroy());
      incoming.pipe(on);
    });
  }

  static async to(target: string): Promise<CutLine> {
    const made = new CutLine(target);
    made.url = await listening(made.server);
    return made;
  }

  cut(): void {
    this.server.closeAllConnections();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((done) => this.server.close(() => done()));
  }
}

async function newOne(): Promise<string> {
  const id = newChangeId();
  await createChange(register.db, newChange(id));
  return id;
}

async function moves(changeId: string, sequence: number, parts: Partial<ProgressEntry>): Promise<void> {
  const state = parts.state ?? 'running';
  const events = [{ key: `move-${sequence}`, kind: `change.${state}`, actor: 'slipway', data: {} }];
  await recordProgress(register.db, {
    changeId,
    sequence,
    at: new Date().toISOString(),
    state,
    round: 1,
    events,
    ...parts,
  });
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it never came to that');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const watch = (id: string, ...more: string[]): Promise<Ran> =>
  slipway(['change', 'watch', id, '--api', line.url, ...more], { env: { SLIPWAY_TOKEN: token } });

describe('change watch', () => {
  const endings: [string, Partial<ProgressEntry>, number][] = [
    ['succeeded', { state: 'closed', ending: 'succeeded' }, 0],
    ['rejected', { state: 'closed', ending: 'rejected' }, 1],
    ['undone', { state: 'closed', ending: 'undone', restored: true }, 5],
    ['parked', { state: 'parked' }, 6],
  ];
  it.each(endings)('tells by its exit code that the change is %s', async (name, last, exit) => {
    const id = await newOne();
    await moves(id, 1, last);
    const { code, out } = await watch(id);
    expect({ code, told: out.includes(name) }).toEqual({ code: exit, told: true });
  });

  it('goes on where it was when the line is cut, without telling anything twice or leaving anything out', async () => {
    const id = await newOne();
    const before = line.streams.length;
    const watching = watch(id, '-o', 'json');
    await until(() => line.passed.includes(id) && line.passed.includes('event: snapshot'));
    await moves(id, 1, { state: 'awaiting-review', planHash: 'a'.repeat(64) });
    await moves(id, 2, { state: 'scheduled', planHash: 'a'.repeat(64) });
    await until(() => line.passed.includes('event: change.scheduled'));
    line.cut();
    await moves(id, 3, { state: 'gate', planHash: 'a'.repeat(64) });
    await until(() => line.streams.length > before + 1);
    await moves(id, 4, { state: 'running', planHash: 'a'.repeat(64) });
    await moves(id, 5, { state: 'closed', ending: 'succeeded' });
    const { code, out, err } = await watching;
    expect({ code, told: err.includes('connection lost') }).toEqual({ code: 0, told: true });
    const events = out
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text) as { id: string | null; event: string });
    const kinds = events.map(({ event }) => event).filter((event) => event.startsWith('change.'));
    expect(kinds).toEqual(
      ['awaiting-review', 'scheduled', 'gate', 'running', 'closed'].map((state) => `change.${state}`),
    );
    expect(events.at(-1)?.event).toBe('end');
  }, 60_000);

  it('tells each state once to people', async () => {
    const id = await newOne();
    const watching = watch(id);
    await moves(id, 1, { state: 'awaiting-review' });
    await moves(id, 2, { state: 'awaiting-review' });
    await moves(id, 3, { state: 'closed', ending: 'withdrawn' });
    const { out } = await watching;
    expect(out.match(/withdrawn/g)).toHaveLength(1);
    expect((out.match(/awaiting-review/g) ?? []).length).toBeLessThanOrEqual(1);
  });

  it('gives up in time when told to, and says that the change goes on', async () => {
    const id = await newOne();
    const { code, err } = await watch(id, '--timeout', '1');
    expect({ code, told: err.includes('it goes on') }).toEqual({ code: 1, told: true });
  });

  it('of a change nobody has does not try for ever', async () => {
    const { code, err } = await watch('chg_00000000000000000000000000');
    expect({ code, told: err.includes('change-unknown') }).toEqual({ code: 1, told: true });
  });
});
