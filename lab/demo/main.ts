import { Command, InvalidArgumentError, Option } from 'commander';
import { type Fault, parseFault } from './fault.js';
import { openPlace, placeNames } from './place.js';
import { report, type DemoReport } from './report.js';
import { Show } from './show.js';
import { tellStory } from './story.js';

/** `npm run demo`: the main job from request to proof, on a stack that is brought up if there is none. */
interface DemoOptions {
  on: (typeof placeNames)[number];
  json: boolean;
  fail?: Fault;
}

function readOptions(args: readonly string[]): DemoOptions {
  const command = new Command('npm run demo --')
    .description(
      'Attaches a device to a VM and gives it back: requested, reviewed by two people, run, verified, proven.',
    )
    .addOption(new Option('--on <place>', 'where').choices(placeNames).default('simulated'))
    .option('--json', 'one JSON document on standard output and nothing else', false)
    .option(
      '--fail <step[:when]>',
      'fail a step: STEP is a verb or a step name, when is before, after or hang',
      fault,
    )
    .addHelpText('after', '\nExample:\n  npm run demo -- --on simulated --fail attach:after');
  command.parse(args, { from: 'user' });
  return command.opts<DemoOptions>();
}

function fault(text: string): Fault {
  const read = parseFault(text);
  if (typeof read === 'string') throw new InvalidArgumentError(read);
  return read;
}

/** 0 when the story ended as it should: given back and equal, or with `--fail` undone and proven. */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const show = new Show(options.json ? process.stderr : process.stdout);
  const place = await openPlace(options.on, options.fail, show);
  try {
    const document = await report(options.on, await tellStory(place, show), place);
    if (options.json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return conclude(document, options.fail !== undefined, show);
  } finally {
    await place.close();
  }
}

function conclude(document: DemoReport, failed: boolean, show: Show): number {
  const endings = document.changes.map(({ ending }) => ending);
  const asWanted = failed ? endings.at(-1) === 'undone' : endings.join() === 'succeeded,succeeded';
  const proven = document.evidence.equal && document.audit.verified;
  show.evidence(document);
  if (asWanted && proven) return 0;
  show.problem(
    `ended ${endings.join(', ')}; evidence equal: ${document.evidence.equal}; audit verified: ${document.audit.verified}`,
  );
  return 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`the demo stopped: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
