import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { failure, SlipwayError } from '../../domain/failures.js';
import { connectionFailure, failureOf, type GuardFailure, type Reached } from './faults.js';
import {
  guardCommand,
  guardProgram,
  type Hello,
  installCommand,
  installDocument,
  isCurrent,
} from './guard/program.js';
import { controlPath, sshArguments, type SshOptions } from './ssh-arguments.js';

/** For trials: what happens to the connection of acts whose verb or name is `step`, each at most `times` times. */
export interface ConnectionFault {
  step: string;
  when: 'before' | 'after' | 'hang';
  times?: number;
}

export interface TransportOptions {
  hostId: string;
  ssh: SshOptions;
  /** Short: it holds the sockets of shared connections, whose paths may have about 108 characters. */
  runtimeDir: string;
  /** Whether Slipway has acted on this host before; then a guard without state is refused, not seeded anew. */
  isKnownHost?: () => Promise<boolean>;
  faults?: ConnectionFault[];
  /** The ssh client, by name or path. */
  program?: string;
}

/** One question to the guard. `acts` says that a lost reply leaves its outcome unknown. */
export interface Question {
  document: Record<string, unknown> & { verb: string };
  acts?: { names: string[] };
  progress?: (note: string) => void;
  signal?: AbortSignal;
}

export interface Transport {
  ask(question: Question): Promise<unknown>;
  close(): Promise<void>;
}

/** The guard gives a sign of life every two seconds; after so much silence the connection counts as lost. */
const silenceMs = 20_000;
/** From starting ssh to the guard's first line: key exchange, login, start of Python on a busy host. */
const greetingMs = 45_000;
const longestLine = 64 * 1024 * 1024;

type Client = ChildProcessByStdio<Writable, Readable, Readable>;
type Line = Partial<Hello> & {
  hello?: string;
  event?: string;
  note?: string;
  ok?: boolean;
  value?: unknown;
  failure?: GuardFailure;
};

export function createTransport(options: TransportOptions): Transport {
  const { hostId, ssh } = options;
  const socket = controlPath(options.runtimeDir, hostId, ssh);
  const faults = (options.faults ?? []).map((fault) => ({ ...fault, left: fault.times ?? 1 }));
  let installing: Promise<void> | undefined;
  mkdirSync(options.runtimeDir, { recursive: true, mode: 0o700 });

  return {
    async ask(question) {
      const answer = await converse(question);
      if (answer !== notCurrent) return answer;
      // Questions asked at the same time wait for one installation.
      installing ??= install().finally(() => (installing = undefined));
      await installing;
      const second = await converse(question);
      if (second !== notCurrent) return second;
      throw outdated('the same as before after installing');
    },

    async close() {
      const client = start(['-O', 'exit', ...destination()]);
      client.stdin.end();
      await new Promise<void>((resolve) =>
        client.once('close', () => resolve()).once('error', () => resolve()),
      );
    },
  };

  /** Starts the guard, hears its greeting, gives it the document, and listens until its result. */
  function converse(question: Question): Promise<unknown> {
    const { document, acts, progress, signal } = question;
    const fault = acts && faults.find(({ step, left }) => left > 0 && acts.names.includes(step));
    return new Promise((resolve, reject) => {
      let reached: Reached = 'nothing-sent';
      let settled = false;
      let hanging = false;
      const client = start([...destination(), guardCommand(ssh.user)]);
      const said = collect(client.stderr);

      const finish = (end: () => void): void => {
        if (settled) return;
        settled = true;
        clearTimeout(patience);
        signal?.removeEventListener('abort', abandon);
        client.kill('SIGKILL');
        end();
      };
      const lost = (why: string): void =>
        finish(() => reject(new SlipwayError(connectionFailure(hostId, reached, why))));
      const abandon = (): void => {
        if (acts) reached = 'acting';
        lost('given up: the time for this call is over');
      };
      const injected = (when: ConnectionFault['when']): boolean => {
        if (fault?.when !== when) return false;
        fault.left -= 1;
        if (when !== 'hang') lost('the connection was cut on purpose');
        return true;
      };
      let patience = setTimeout(
        () => lost(`no greeting of the guard within ${greetingMs / 1000} s`),
        greetingMs,
      );
      const stillThere = (): void => {
        clearTimeout(patience);
        patience = setTimeout(() => lost(`no sign of life for ${silenceMs / 1000} s`), silenceMs);
      };

      const greet = (hello: Line): void => {
        if (hello.hello !== 'slipway-guard')
          return lost(`not the guard: ${JSON.stringify(hello).slice(0, 200)}`);
        if (!isCurrent(hello as Hello)) {
          if (!hello.forced) return finish(() => resolve(notCurrent));
          return finish(() => reject(outdated(`version ${hello.version}, ${hello.sha256?.slice(0, 12)}`)));
        }
        if (injected('before')) return;
        reached = acts ? 'acting' : 'reading';
        client.stdin.end(JSON.stringify(document));
        progress?.('sent');
      };

      const hear = (line: Line): void => {
        if (settled || hanging) return;
        stillThere();
        if (reached === 'nothing-sent') return greet(line);
        // A further try finds the effect made and reports no new one: its reply is lost like the first one's.
        if (line.event === 'effect' || line.ok) {
          if (injected('after')) return;
          if (injected('hang')) return hang();
        }
        if (line.event !== 'result') return progress?.(line.note ?? 'the host is at it');
        if (line.ok) return finish(() => resolve(line.value));
        finish(() => reject(new SlipwayError(failureOf(hostId, line.failure ?? { reason: null }))));
      };
      /** As if the network swallowed everything from here on. */
      const hang = (): void => {
        hanging = true;
        client.stdout.removeAllListeners('data');
        client.kill('SIGKILL');
      };

      if (signal?.aborted) return abandon();
      signal?.addEventListener('abort', abandon);
      readLines(client.stdout, hear, lost);
      client.stdin.on('error', () => undefined);
      client.once('error', (error) => lost(`${options.program ?? 'ssh'}: ${error.message}`));
      client.once('close', (code) => {
        if (hanging) return;
        const words = said();
        if (reached === 'nothing-sent' && isAbsent(code, words)) return finish(() => resolve(notCurrent));
        lost(words || `ssh ended with code ${code}`);
      });
    });
  }

  /** Only an account that may do everything can; elsewhere the guard is the administrator's to install. */
  async function install(): Promise<void> {
    if (ssh.user !== 'root') throw outdated('none or another version, and only root can install it');
    const firstContact = !((await options.isKnownHost?.()) ?? false);
    const client = start([...destination(), installCommand]);
    const said = collect(client.stderr);
    const answer = collect(client.stdout);
    client.stdin.on('error', () => undefined);
    client.stdin.end(installDocument(firstContact));
    const code = await new Promise<number | null>((resolve) =>
      client.once('close', resolve).once('error', () => resolve(null)),
    );
    if (code === 255) throw new SlipwayError(connectionFailure(hostId, 'nothing-sent', said()));
    if (answer().trim() !== 'installed') throw outdated(`installing failed: ${said().trim().slice(-400)}`);
  }

  function start(words: string[]): Client {
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };
    return spawn(options.program ?? 'ssh', [...sshArguments(ssh, socket), ...words], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env,
    });
  }

  function destination(): string[] {
    return ['--', ssh.host];
  }

  function outdated(actual: string): SlipwayError {
    const expected = `version ${guardProgram.version}, ${guardProgram.sha256.slice(0, 12)}`;
    return new SlipwayError(failure('guard-outdated', { where: { host: hostId }, expected, actual }));
  }
}

const notCurrent = Symbol('the guard is absent or of another version');

/** The shell of the host found no guard: nothing has been sent to anybody. */
function isAbsent(code: number | null, words: string): boolean {
  return code === 127 || code === 126 || /slipway-guard: (?:command not found|No such file)/.test(words);
}

function collect(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (piece: string) => {
    if (text.length < 65_536) text += piece;
  });
  return () => text;
}

function readLines(stream: Readable, hear: (line: Line) => void, lost: (why: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (piece: string) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longestLine) lost(`a line of more than ${longestLine} characters`);
    for (const line of lines) {
      const parsed = parse(line);
      if (parsed) hear(parsed);
      else if (line.trim()) lost(`no JSON: ${line.slice(0, 200)}`);
    }
  });
}

function parse(line: string): Line | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    return null;
  }
}
