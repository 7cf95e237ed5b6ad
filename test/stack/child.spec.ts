import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Child, type ChildPlan } from '../../stack/child.js';
import { answersWell } from '../../stack/http-health.js';
import { choosePorts, loopback } from '../../stack/ports.js';
import { isAlive, markOf, pause } from '../../stack/processes.js';
import { temporaryHome } from './home.js';

let home: ReturnType<typeof temporaryHome>;
let port: number;
let reported: string[];
const children: Child[] = [];

beforeEach(async () => {
  home = temporaryHome();
  reported = [];
  [port] = await choosePorts([{ purpose: 'a server', port: 0, option: '' }]);
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()));
  home.remove();
});

const serves = (port: number): string =>
  `require('node:http').createServer((_, response) => response.end()).listen(${port}, '${loopback}');`;

function childThat(script: string, changes: Partial<ChildPlan> = {}): Child {
  const ready = (): Promise<boolean> => answersWell(`http://${loopback}:${port}/`);
  const child = new Child(
    {
      name: 'server',
      file: process.execPath,
      args: ['--eval', script],
      env: {},
      cwd: home.path,
      log: join(home.path, 'server.log'),
      isReady: ready,
      isWell: ready,
      readyWithinMs: 10_000,
      stopSignal: 'SIGTERM',
      stopWithinMs: 2_000,
      ...changes,
    },
    (line) => reported.push(line),
  );
  children.push(child);
  return child;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20);
}

describe('a supervised process', () => {
  it('tells why it did not start in the words of its own log, else people look for a reason in vain', async () => {
    const child = childThat(`console.error('estate.yaml, line 3: unknown key "hots"'); process.exit(1);`);
    await expect(child.start()).rejects.toThrow(
      /server did not start: it ended\n.*unknown key "hots"[^]*server\.log/,
    );
    expect(child.pid).toBeUndefined();
  });

  it('shows only the lines of this start, not an older failure that was mended', async () => {
    await expect(childThat(`console.error('old trouble'); process.exit(1);`).start()).rejects.toThrow(
      'old trouble',
    );
    const second = childThat(`console.error('new trouble'); process.exit(1);`).start();
    await expect(second).rejects.toThrow(/^(?![^]*old trouble)[^]*new trouble/);
    expect(readFileSync(join(home.path, 'server.log'), 'utf8')).toContain('old trouble');
  });

  it('that never gets ready is given up and ended, not waited for without end', async () => {
    const child = childThat('setInterval(() => {}, 1000)', { readyWithinMs: 300 });
    const started = child.start();
    await until(() => child.pid !== undefined);
    const { mark } = child;
    await expect(started).rejects.toThrow('not ready after 0.3 s');
    expect(mark !== undefined && isAlive(mark)).toBe(false);
  });

  it('is started again after a crash, and serves again', async () => {
    const child = childThat(serves(port));
    await child.start();
    const first = child.pid;
    child.kill('SIGKILL');
    await until(() => child.pid !== undefined && child.pid !== first);
    await until(() => answersWell(`http://${loopback}:${port}/`));
    expect(reported[0]).toMatch(/server ended \(SIGKILL\); starting it again in 250 ms/);
  });

  it('that keeps crashing is started again less and less often, with its log shown', async () => {
    const flag = join(home.path, 'broken');
    const child = childThat(
      `if (require('node:fs').existsSync(${JSON.stringify(flag)})) { console.error('broken now'); process.exit(3); } ` +
        `require('node:fs').writeFileSync(${JSON.stringify(flag)}, ''); ${serves(port)}`,
    );
    await child.start();
    child.kill('SIGKILL');
    await until(() => reported.filter((line) => line.includes('starting it again')).length >= 3);
    const delays = reported.flatMap((line) => /again in (\d+) ms/.exec(line)?.[1] ?? []);
    expect(delays.slice(0, 3)).toEqual(['250', '500', '1000']);
    expect(reported.join('\n')).toContain('broken now');
  });

  it('that was stopped stays stopped, and can be started with another environment', async () => {
    const child = childThat(`if (process.env.WITH) console.log('with', process.env.WITH); ${serves(port)}`);
    await child.start();
    await child.stop();
    expect(await answersWell(`http://${loopback}:${port}/`)).toBe(false);
    expect(reported).toEqual([]);
    await child.start({ WITH: 'failpoint' });
    expect(readFileSync(join(home.path, 'server.log'), 'utf8')).toContain('with failpoint');
  });

  it('that ignores the polite signal is killed in time, with all it started', async () => {
    const child = childThat(
      `process.on('SIGTERM', () => {}); const kin = require('node:child_process').spawn(process.execPath, ` +
        `['--eval', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' }); console.log('kin', kin.pid); ${serves(port)}`,
      { stopWithinMs: 200 },
    );
    await child.start();
    const kin = markOf(Number(/kin (\d+)/.exec(readFileSync(join(home.path, 'server.log'), 'utf8'))?.[1]));
    if (kin === undefined) throw new Error('the child has no kin');
    await child.stop();
    expect(reported).toEqual(['server did not stop within 200 ms: killed']);
    await until(() => !isAlive(kin));
  });

  it('with a file that cannot be run fails at once', async () => {
    const child = childThat('', { file: join(home.path, 'missing') });
    await expect(child.start()).rejects.toThrow(/server did not start: it ended\n.*missing/);
  });
});
