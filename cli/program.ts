import { Command, Option } from 'commander';
import { addAuditCommands } from './commands/audit.js';
import { addChangeCommands } from './commands/change.js';
import { example } from './commands/context.js';
import { addEstateCommands } from './commands/estate.js';
import { addReviewCommands } from './commands/review.js';
import { addTokenCommands } from './commands/token.js';

const exitHelp = `
Exit codes: 0 ok, 1 error, 2 usage or a request that is not well formed, 3 conflict, 4 denied,
            5 the change failed and was undone, 6 the change is parked and needs an operator.
Environment: SLIPWAY_API_URL, SLIPWAY_TOKEN, SLIPWAY_HOME (where \`npm start\` keeps its addresses).`;

/** The whole command line: every command with its options, its help and an example. */
export function slipway(): Command {
  const program = new Command('slipway')
    .description('Moves a physical device between a host and a virtual machine and back.')
    .addOption(
      new Option('-o, --output <form>', 'form of the answer')
        .choices(['table', 'json', 'yaml'])
        .default('table'),
    )
    .option('--api <url>', 'the API; else SLIPWAY_API_URL, else the stack that runs here')
    .option('--as <name>', 'speak as this person of the local issuer')
    .addHelpText('after', `${example('change create -f attach.yaml', 'change watch CHANGE')}\n${exitHelp}`)
    .exitOverride();
  addChangeCommands(program);
  addReviewCommands(program);
  addEstateCommands(program);
  addAuditCommands(program);
  addTokenCommands(program);
  return withGlobalOptions(program);
}

/** Options for the whole program may also stand behind the command: `slipway change list -o json`. */
function withGlobalOptions(program: Command): Command {
  const everywhere = (command: Command): void => {
    for (const option of program.options) if (command !== program) command.addOption(option);
    command.exitOverride();
    command.commands.forEach((sub) => everywhere(sub));
  };
  everywhere(program);
  return program;
}
