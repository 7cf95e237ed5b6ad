import type { Command } from 'commander';
import { CliError, Exit } from '../exit.js';
import { showMe } from '../show/estate.js';
import { print } from '../show/text.js';
import { contextOf, example } from './context.js';

export function addTokenCommands(program: Command): void {
  program
    .command('token')
    .description("get a person's token from the local issuer (only there), print it, and use it from now on")
    .addHelpText('after', example('token --as approver-1', 'change list --as requester'))
    .action(async (_: object, command: Command) => {
      const { settings, options } = contextOf(command);
      if (!options.as) throw new CliError('who?', 'name a person: slipway token --as NAME', Exit.usage);
      const { token, person, expiresAt } = await settings.keepToken(options.as);
      process.stdout.write(`${token}\n`);
      process.stderr.write(`you are ${person} until ${new Date(expiresAt).toISOString()}\n`);
    });
  program
    .command('whoami')
    .description('who the token says you are')
    .addHelpText('after', example('whoami'))
    .action(async (_: object, command: Command) => {
      const { api, options } = contextOf(command);
      print(await api.me(), options, showMe);
    });
}
