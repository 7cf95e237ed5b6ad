import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { parse } from 'yaml';
import type { StopVerb } from '../client.js';
import { CliError, Exit, exitOfChange } from '../exit.js';
import { follow } from '../follow.js';
import type { ChangeView } from '../schemas.js';
import { showChange, showChanges, showOrder } from '../show/change.js';
import { showPlan } from '../show/plan.js';
import { EventLines, ProgressLines } from '../show/progress.js';
import { print } from '../show/text.js';
import { type Context, contextOf, example } from './context.js';

const timeoutHelp = 'give up after so many seconds (exit 1)';

export function addChangeCommands(program: Command): void {
  const change = program
    .command('change')
    .description('ask for changes, look at them, follow them, stop them');
  addCreate(change);
  addReading(change);
  addWatch(change);
  addStop(change, 'withdraw', 'take back a change that waits', 'the card is needed elsewhere');
  addStop(change, 'cancel', 'stop a running change: what was done is undone', 'wrong VM');
  addStop(
    change,
    'hold',
    'stop after the current step and wait for an operator',
    'the host is being looked at',
  );
  addResolve(change);
}

function addCreate(change: Command): void {
  change
    .command('create')
    .description('ask for a change, described in a YAML or JSON file')
    .requiredOption('-f, --file <file>', 'the request; - reads standard input')
    .option(
      '--idempotency-key <key>',
      'the same key with the same request gives the change of the first time',
    )
    .option('--wait', 'follow it to its end; the exit code is that of its ending')
    .option('--timeout <seconds>', timeoutHelp, secondsOf)
    .addHelpText('after', example('change create -f attach.yaml', 'change create -f - --wait < attach.yaml'))
    .action(
      async (
        options: { file: string; idempotencyKey?: string; wait?: true; timeout?: number },
        command: Command,
      ) => {
        const context = contextOf(command);
        const created = await context.api.createChange(readRequest(options.file), options.idempotencyKey);
        if (!options.wait) return print(created, context.options, showChange);
        if (context.options.output === 'table') process.stdout.write(`${created.id}\n`);
        await watch(context, created.id, options.timeout);
      },
    );
}

function addReading(change: Command): void {
  change
    .command('get <change>')
    .description('where a change stands')
    .addHelpText('after', example('change get chg_01kb2m4x8q3v5w7y9z1a2b3c4d -o yaml'))
    .action(async (id: string, _: object, command: Command) => {
      const { api, options } = contextOf(command);
      print(await api.change(id), options, showChange);
    });
  change
    .command('list')
    .description('changes, newest first')
    .option('--state <state>', 'only those in this state')
    .option('--host <host>', 'only those on this host')
    .option('--vm <vm>', 'only those of this VM')
    .option('--device <address>', 'only those of this device')
    .option('--mine', 'only those I asked for')
    .option('--inbox', 'only those I may still review')
    .option('--limit <number>', 'so many at most', '50')
    .option('--cursor <cursor>', 'the page after')
    .addHelpText('after', example('change list --inbox', 'change list --state parked -o json'))
    .action(async ({ mine, inbox, ...query }: ListOptions, command: Command) => {
      const { api, options } = contextOf(command);
      const { state, host, vm, device, limit, cursor } = query;
      const people = { requester: mine && 'me', awaitingReview: inbox && 'me' };
      print(await api.changes({ state, host, vm, device, limit, cursor, ...people }), options, showChanges);
    });
  change
    .command('plan <change>')
    .description('what would be run, what is lost meanwhile, the risks, and the hash to review')
    .addHelpText('after', example('change plan chg_01kb2m4x8q3v5w7y9z1a2b3c4d'))
    .action(async (id: string, _: object, command: Command) => {
      const { api, options } = contextOf(command);
      print(await api.plan(id), options, showPlan);
    });
}

interface ListOptions {
  state?: string;
  host?: string;
  vm?: string;
  device?: string;
  mine?: true;
  inbox?: true;
  limit: string;
  cursor?: string;
}

function addWatch(change: Command): void {
  change
    .command('watch <change>')
    .description('follow a change live; exit 0 succeeded, 5 undone, 6 parked, 1 any other ending')
    .option('--timeout <seconds>', timeoutHelp, secondsOf)
    .addHelpText('after', example('change watch chg_01kb2m4x8q3v5w7y9z1a2b3c4d --timeout 1800'))
    .action((id: string, { timeout }: { timeout?: number }, command: Command) =>
      watch(contextOf(command), id, timeout),
    );
}

async function watch({ api, options }: Context, id: string, seconds: number | undefined): Promise<void> {
  const signal = seconds === undefined ? new AbortController().signal : AbortSignal.timeout(seconds * 1000);
  const Lines = options.output === 'table' ? ProgressLines : EventLines;
  const ended = await follow(api, id, new Lines(process.stdout, process.stderr), signal).catch(
    (error: unknown): ChangeView => {
      if (!signal.aborted) throw error;
      throw new CliError(
        `the change did not end within ${seconds} s`,
        `it goes on; follow it again: slipway change watch ${id}`,
      );
    },
  );
  if (options.output === 'table' && ended.state === 'parked') process.stdout.write(`${showChange(ended)}\n`);
  process.exitCode = exitOfChange(ended);
}

function addStop(change: Command, verb: StopVerb, what: string, why: string): void {
  change
    .command(`${verb} <change>`)
    .description(what)
    .requiredOption('--reason <text>', 'kept in the audit chain')
    .addHelpText('after', example(`change ${verb} chg_01kb2m4x8q3v5w7y9z1a2b3c4d --reason '${why}'`))
    .action(async (id: string, { reason }: { reason: string }, command: Command) => {
      const { api, options } = contextOf(command);
      print(await api.stop(verb, id, reason), options, showOrder);
    });
}

function addResolve(change: Command): void {
  change
    .command('resolve <change> <resolution>')
    .description(
      'say how a held or parked change goes on: retry, undo, accept or skip; the last two need a second operator',
    )
    .requiredOption('--reason <text>', 'kept in the audit chain')
    .option('--proposal <id>', 'confirm what another operator proposed')
    .addHelpText(
      'after',
      example(
        "change resolve chg_01kb2m4x8q3v5w7y9z1a2b3c4d retry --reason 'cable fixed'",
        "change resolve chg_01kb2m4x8q3v5w7y9z1a2b3c4d accept --reason 'seen with my own eyes' --proposal PROPOSAL",
      ),
    )
    .action(
      async (
        id: string,
        resolution: string,
        { reason, proposal }: { reason: string; proposal?: string },
        command: Command,
      ) => {
        const { api, options } = contextOf(command);
        print(
          await api.resolve(id, { resolution, reason, ...(proposal ? { proposal } : {}) }),
          options,
          showOrder,
        );
      },
    );
}

function readRequest(file: string): unknown {
  const text = readText(file);
  try {
    return parse(text, { maxAliasCount: 0 });
  } catch (error) {
    const [what] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new CliError(
      `${file} is neither YAML nor JSON: ${what}`,
      'see docs/cli.md for a request',
      Exit.usage,
    );
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new CliError(
      `${file} can't be read: ${code}`,
      'name a file that holds a request, or - for standard input',
      Exit.usage,
    );
  }
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 2_000_000)
    throw new InvalidArgumentError('expected whole seconds, at least 1');
  return seconds;
}
