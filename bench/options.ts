import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';

export interface BenchOptions {
  lab: boolean;
  name: string;
  rounds: number;
  crowdedRounds: number;
  warmUp: number;
  /** Rounds on the lab. */
  labRounds: number;
  seed: number;
  json?: string;
  samples?: string;
}

const extents = {
  usual: { rounds: 40, crowdedRounds: 6, warmUp: 10, labRounds: 10 },
  quick: { rounds: 6, crowdedRounds: 1, warmUp: 3, labRounds: 3 },
} as const;

export function readOptions(args: readonly string[], from: string): BenchOptions {
  const command = new Command('npm run bench --')
    .description(
      'Measures a change through the product (A) beside bare Temporal workflows that do the same to the machine with\nplain (B0) and with local activities (B1), on one fresh stack and in random order.',
    )
    .option('--quick', `a short run: ${describe(extents.quick)}`, false)
    .option(
      '--rounds <n>',
      `one at a time; each arm runs an attach and a return per delay (${extents.usual.rounds})`,
      count,
    )
    .option(
      '--crowded-rounds <n>',
      `ten at once; each arm runs 40 changes (${extents.usual.crowdedRounds})`,
      count,
    )
    .option(
      '--warm-up <n>',
      `attaches and returns per arm before the measuring (${extents.usual.warmUp})`,
      count,
    )
    .option('--seed <n>', 'of the random order; a new one unless told, printed either way', count)
    .option('--json <file>', 'writes load, arms and ratios as one JSON document')
    .option('--samples <file>', 'raw samples as JSON lines (.slipway/bench/samples-SEED.jsonl)')
    .option('--lab', 'instead: the product on the KVM lab beside the same virsh commands by a script', false)
    .option('--name <lab>', 'the lab of --lab', 'bench')
    .option('--lab-rounds <n>', `rounds of --lab (${extents.usual.labRounds})`, count)
    .addHelpText(
      'after',
      '\nExample:\n  npm run bench -- --quick --seed 7 --json bench.json\n  npm run bench -- --lab',
    );
  command.parse(args, { from: 'user' });
  const given = command.opts<Partial<BenchOptions> & { quick: boolean; lab: boolean; name: string }>();
  const extent = given.quick ? extents.quick : extents.usual;
  return {
    ...extent,
    seed: Date.now() % 1_000_000,
    ...given,
    ...(given.json && { json: resolve(from, given.json) }),
    ...(given.samples && { samples: resolve(from, given.samples) }),
  };
}

function describe({
  rounds,
  crowdedRounds,
  warmUp,
}: Pick<BenchOptions, 'rounds' | 'crowdedRounds' | 'warmUp'>): string {
  return `${rounds} rounds, ${crowdedRounds} of ten at once, warm-up ${warmUp}`;
}

function count(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new InvalidArgumentError(`expected a whole number, actual ${JSON.stringify(text)}`);
  return Number(text);
}
