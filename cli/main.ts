import { CommanderError } from 'commander';
import { Exit } from './exit.js';
import { slipway } from './program.js';
import { explain } from './show/failure.js';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `slipway … | head` closes the pipe: that is no failure.
  if (error.code === 'EPIPE') process.exit(Exit.ok);
  throw error;
});

try {
  await slipway().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? Exit.ok : Exit.usage;
  } else {
    const { text, exit } = explain(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = exit;
  }
}
