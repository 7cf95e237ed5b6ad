import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as passing } from 'node:timers/promises';
import { StackError } from './failure.js';
import { type ProcessMark, markOf, pause } from './processes.js';

/** How one process of the stack is started, known as ready, known as well, and stopped. */
export interface ChildPlan {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly runAs?: { readonly uid: number; readonly gid: number };
  readonly log: string;
  readonly isReady: () => Promise<boolean>;
  readonly readyWithinMs: number;
  readonly isWell: () => Promise<boolean>;
  readonly stopSignal: NodeJS.Signals;
  readonly stopWithinMs: number;
  /** How long to wait before each restart in turn, the last for all further ones; grows by default. */
  readonly restartDelaysMs?: readonly number[];
}

const backOffMs = [250, 500, 1_000, 2_000, 4_000, 8_000];
const provenAfterMs = 30_000;
const lookEveryMs = 5_000;
/** So long without an answer, and a living process counts as hung. */
const hungAfterMs = 60_000;
const logLimitBytes = 10 * 1024 * 1024;

/**
 * One supervised process. It writes straight into its log file; it has its own process group, so that a Ctrl-C
 * reaches only the supervisor, which then stops everything in order.
 */
export class Child {
  private process: ChildProcess | undefined;
  private ended: Promise<void> = Promise.resolve();
  private wanted = false;
  private failures = 0;
  private startedAt = 0;
  private logStart = 0;
  private lastWellAt = 0;
  private retry: NodeJS.Timeout | undefined;
  private watch: NodeJS.Timeout | undefined;

  constructor(
    private plan: ChildPlan,
    private readonly report: (line: string) => void,
    private readonly spawned: () => void = () => undefined,
  ) {}

  get name(): string {
    return this.plan.name;
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  get mark(): ProcessMark | undefined {
    return this.pid === undefined ? undefined : markOf(this.pid);
  }

  /**
   * Starts the process and waits until it is ready; `env` adds to its environment from now on.
   * @throws StackError with the end of its log when it ends or stays silent instead
   */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.plan = { ...this.plan, env: { ...this.plan.env, ...env } };
    this.wanted = true;
    const trouble = await this.launch();
    if (trouble !== undefined) {
      await this.stop();
      throw new StackError(`${this.name} did not start: ${trouble}\n${this.lastLines(20)}`, [
        `its whole log: ${this.plan.log}`,
      ]);
    }
    this.watch = setInterval(() => void this.look(), lookEveryMs);
  }

  /** Asks it to end, and ends it when it takes longer than its plan allows. */
  async stop(): Promise<void> {
    this.wanted = false;
    clearTimeout(this.retry);
    clearInterval(this.watch);
    this.watch = undefined;
    if (this.process === undefined) return;
    this.kill(this.plan.stopSignal);
    await Promise.race([this.ended, passing(this.plan.stopWithinMs, undefined, { ref: false })]);
    if (this.process !== undefined) {
      this.report(`${this.name} did not stop within ${this.plan.stopWithinMs} ms: killed`);
      this.killGroup();
    }
    await this.ended;
  }

  /** Sends a signal as a crash or a pause would; the supervisor starts an ended process again. */
  kill(signal: NodeJS.Signals): void {
    this.process?.kill(signal);
  }

  private killGroup(): void {
    if (this.pid === undefined) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      this.kill('SIGKILL');
    }
  }

  /** Gives the trouble when the process is not ready in time. */
  private async launch(): Promise<string | undefined> {
    this.spawn();
    const deadline = Date.now() + this.plan.readyWithinMs;
    while (this.wanted) {
      if (this.process === undefined) return 'it ended';
      if (await this.plan.isReady()) {
        this.lastWellAt = Date.now();
        return undefined;
      }
      if (Date.now() > deadline) return `not ready after ${this.plan.readyWithinMs / 1000} s`;
      await pause(50);
    }
    return 'it was stopped meanwhile';
  }

  private spawn(): void {
    const { plan } = this;
    const log = this.openLog();
    const [file, args] = endingWithUs(plan);
    const started = spawn(file, args, {
      cwd: plan.cwd,
      env: plan.env,
      stdio: ['ignore', log, log],
      detached: true,
      ...plan.runAs,
    });
    closeSync(log);
    this.process = started;
    this.startedAt = Date.now();
    this.spawned();
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        if (this.process !== started) return;
        this.process = undefined;
        resolve();
        this.afterEnd(how);
      };
      started.once('error', (error) => end(error.message));
      started.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  private afterEnd(how: string): void {
    if (!this.wanted || this.watch === undefined) return;
    if (Date.now() - this.startedAt > provenAfterMs) this.failures = 0;
    const delays = this.plan.restartDelaysMs ?? backOffMs;
    const delay = delays[Math.min(this.failures, delays.length - 1)] ?? 8_000;
    this.failures += 1;
    this.report(`${this.name} ended (${how}); starting it again in ${delay} ms`);
    this.retry = setTimeout(() => void this.relaunch(), delay);
  }

  private async relaunch(): Promise<void> {
    const trouble = await this.launch().catch((error: unknown) => this.couldNotSpawn(error));
    if (!this.wanted) return;
    if (trouble === undefined) this.report(`${this.name} is ready again (process ${this.pid})`);
    else {
      this.report(`${this.name}: ${trouble}; the end of its log (${this.plan.log}):\n${this.lastLines(8)}`);
      if (this.process !== undefined) this.killGroup();
    }
  }

  /** No disk for the log, no process left: nothing has ended that would bring about the next try. */
  private couldNotSpawn(error: unknown): string {
    const why = error instanceof Error ? error.message : String(error);
    if (this.process === undefined) this.afterEnd(why);
    return why;
  }

  private async look(): Promise<void> {
    if (this.process === undefined) return;
    if (await this.plan.isWell()) {
      this.lastWellAt = Date.now();
    } else if (Date.now() - this.lastWellAt > hungAfterMs && Date.now() - this.startedAt > hungAfterMs) {
      this.report(`${this.name} has not answered for ${hungAfterMs / 1000} s: killed, to be started again`);
      this.killGroup();
    }
  }

  private openLog(): number {
    const { log } = this.plan;
    mkdirSync(dirname(log), { recursive: true });
    if (existsSync(log) && statSync(log).size > logLimitBytes) renameSync(log, `${log}.1`);
    this.logStart = existsSync(log) ? statSync(log).size : 0;
    return openSync(log, 'a', 0o600);
  }

  private lastLines(count: number): string {
    if (!existsSync(this.plan.log)) return '';
    const written = readFileSync(this.plan.log).subarray(this.logStart).toString('utf8');
    return written.trimEnd().split('\n').slice(-count).join('\n');
  }
}

const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

/**
 * Where util-linux has it, `setpriv --pdeathsig` makes the kernel stop the child when the supervisor dies, even by
 * SIGKILL. Elsewhere the next start ends what was left.
 */
function endingWithUs(plan: ChildPlan): [string, readonly string[]] {
  if (process.platform !== 'linux' || setpriv === undefined) return [plan.file, plan.args];
  return [setpriv, ['--pdeathsig', plan.stopSignal.replace('SIG', ''), '--', plan.file, ...plan.args]];
}
