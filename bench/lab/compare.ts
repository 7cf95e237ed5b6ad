import type { BenchOptions } from '../options.js';
import { type Outcome, samplesFile, writeFile } from '../outcome.js';
import { type Opened, openOwnStack } from '../own-stack.js';
import { randomOf, shuffled } from '../random.js';
import { openLab } from './lab.js';
import { labChange, type LabChange } from './product-arm.js';
import { labResultsOf, labTable } from './report.js';
import { Script, type ScriptTimes } from './script-arm.js';

/** What was measured in one round, in milliseconds; within a round the two take turns at random. */
export interface LabRound {
  round: number;
  product: { attach: LabChange; giveBack: LabChange };
  script: { attach: ScriptTimes; giveBackMs: number };
}

const vm = 'voip-gateway';

/** The product on the lab's host beside a script that types the same virsh commands, on the same device and VM. */
export async function compareOnLab(
  options: BenchOptions,
  opened: Opened,
  say: (line: string) => void,
): Promise<Outcome> {
  const { labRounds, seed } = options;
  const arms = await openArms(options.name, opened, say);
  const random = randomOf(seed);
  const rounds: LabRound[] = [];
  // Round 0 is the warm-up: the guard is installed, connections are opened, the host's caches filled.
  for (let round = 0; round <= labRounds; round += 1) {
    const measured: LabRound = await inAnyOrder(round, arms, random);
    say(lineOf(measured));
    if (round > 0) rounds.push(measured);
  }
  const samples = samplesFile(options, 'lab-samples');
  writeFile(samples, rounds.map((round) => `${JSON.stringify(round)}\n`).join(''));
  return {
    text: `${labTable(rounds)}\n\nraw samples: ${samples}`,
    document: { ...labResultsOf(rounds), labRounds },
  };
}

interface LabArms {
  product: () => Promise<LabRound['product']>;
  script: () => Promise<LabRound['script']>;
}

async function inAnyOrder(
  round: number,
  { product, script }: LabArms,
  random: () => number,
): Promise<LabRound> {
  const [productFirst] = shuffled([true, false], random);
  if (productFirst) return { round, product: await product(), script: await script() };
  const typed = await script();
  return { round, product: await product(), script: typed };
}

async function openArms(name: string, opened: Opened, say: (line: string) => void): Promise<LabArms> {
  const lab = await openLab(name, say);
  opened.add(() => lab.close());
  const { host, estate, devices } = lab.facts;
  const device = devices.find((one) => one.name === 'nvme-0')?.functions[0];
  if (!device) throw new Error(`the lab ${name} has no device nvme-0`);
  const { address } = device;
  const script = new Script(lab.facts, vm, device);
  opened.add(() => script.close());
  const stack = await openOwnStack('lab-stack', { estate, report: say });
  opened.add(() => stack.stop());
  const { addresses } = stack;
  return {
    product: async () => ({
      attach: await labChange(addresses, host, { action: 'attach', vm, address }),
      giveBack: await labChange(addresses, host, { action: 'return', vm, address }),
    }),
    script: async () => ({
      attach: await script.attach(),
      giveBackMs: await script.giveBack(),
    }),
  };
}

function lineOf({ round, product, script }: LabRound): string {
  const { attachedMs, seenMs } = script.attach;
  const typed = `by the script ${seconds(attachedMs)}, in the guest after ${seconds(seenMs)}`;
  const { totalMs, states } = product.attach;
  const parts = Object.entries(states).map(([state, time]) => `${state} ${seconds(time)}`);
  return `round ${round}: attach by the product ${seconds(totalMs)} (${parts.join(', ')}), ${typed}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
