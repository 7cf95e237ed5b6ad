import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StackLock } from '../../stack/lock.js';
import { endLeftover, isAlive, markOf } from '../../stack/processes.js';
import { temporaryHome } from './home.js';

let home: ReturnType<typeof temporaryHome>;
let path: string;
beforeEach(() => {
  home = temporaryHome();
  path = join(home.path, 'stack.lock');
});
afterEach(() => home.remove());

describe('the lock of a home', () => {
  it('refuses a second stack, else two Temporal servers write one database file', () => {
    const lock = StackLock.take(path);
    expect(() => StackLock.take(path)).toThrow(
      new RegExp(`running here already \\(process ${process.pid} .*\n.*\n.*kill ${process.pid}`),
    );
    lock.release();
    StackLock.take(path).release();
    expect(existsSync(path)).toBe(false);
  });

  it('is taken over from a supervisor that was killed, else one SIGKILL locks everybody out', async () => {
    const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    writeFileSync(path, JSON.stringify(markOf(child.pid as number)));
    expect(() => StackLock.take(path)).toThrow('running here already');
    child.kill('SIGKILL');
    await once(child, 'exit');
    StackLock.take(path).release();
  });

  it('knows a stale lock whose pid another process has got since', () => {
    writeFileSync(path, JSON.stringify({ pid: process.pid, startedAt: '1' }));
    StackLock.take(path).release();
  });

  it('is taken over when it was written half', () => {
    writeFileSync(path, '{"pid":');
    const lock = StackLock.take(path);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid });
    lock.release();
  });

  it('leaves alone the lock of whoever took it since', () => {
    const lock = StackLock.take(path);
    writeFileSync(path, JSON.stringify({ pid: 1, startedAt: 'another' }));
    lock.release();
    expect(existsSync(path)).toBe(true);
  });
});

describe('what a killed supervisor left', () => {
  it('is ended even if it ignores the polite signal, else it keeps the ports and the database', async () => {
    const child = spawn(process.execPath, [
      '--eval',
      'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")',
    ]);
    await once(child.stdout, 'data');
    const mark = markOf(child.pid as number);
    if (mark === undefined) throw new Error('the child has no mark');
    await endLeftover(mark, 100);
    expect(isAlive(mark)).toBe(false);
  });

  it('is never a stranger that has the same pid now', async () => {
    await endLeftover({ pid: process.pid, startedAt: '1' });
    expect(process.exitCode).toBeUndefined();
  });
});
