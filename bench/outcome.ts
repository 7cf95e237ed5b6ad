import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkout } from '../stack/places.js';
import type { BenchOptions } from './options.js';

/** What a run has to say: to a person, and to a program. `document.void` is why nothing of it counts. */
export interface Outcome {
  text: string;
  document: { void?: string } & Record<string, unknown>;
}

/** Where the raw samples of a run go unless told. */
export function samplesFile({ samples, seed }: BenchOptions, name: string): string {
  return samples ?? join(checkout, '.slipway', 'bench', `${name}-${seed}.jsonl`);
}

export function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
