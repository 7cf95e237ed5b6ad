import { existsSync, readFileSync } from 'node:fs';
import { isAlive, markOf } from '../../../stack/processes.js';
import { down as labDown, type LabFacts, up as labUp } from './lab.js';

/**
 * The emulated host is test equipment, and QEMU's emulation of nested guests is not flawless: now and then the
 * host's own kernel dies in it, whatever runs there. Then nothing was learned of the product. The run ends at once
 * with this exit code, and the runner counts the whole file as void, says so, and runs it once more.
 */
export const equipmentFailed = 86;

const lookEveryMs = 2_000;
const watched = new Map<string, NodeJS.Timeout>();

/** Brings a lab up and watches it; `cleanUp` ends what stands on it before the run ends. */
export async function up(
  options: Parameters<typeof labUp>[0],
  cleanUp: () => Promise<unknown> = () => Promise.resolve(),
): Promise<LabFacts> {
  const facts = await labUp(options);
  const mark = markOf(facts.qemu.pid);
  const timer = setInterval(() => {
    if (mark && isAlive(mark)) return;
    stopWatching(options.name);
    process.stderr.write(`void: the emulated host of lab ${options.name} has died: ${lastWords(facts)}\n`);
    void cleanUp()
      .catch(() => undefined)
      .finally(() => process.exit(equipmentFailed));
  }, lookEveryMs);
  watched.set(options.name, timer);
  return facts;
}

export async function down(name: string): Promise<boolean> {
  stopWatching(name);
  return labDown(name);
}

function stopWatching(name: string): void {
  clearInterval(watched.get(name));
  watched.delete(name);
}

function lastWords({ qemu }: LabFacts): string {
  const lines = existsSync(qemu.console) ? readFileSync(qemu.console, 'utf8').trimEnd().split('\n') : [];
  const cause = lines.findLast((line) => /BUG:|Kernel panic/.test(line));
  return cause ?? lines.at(-1) ?? 'without a word on its console';
}
