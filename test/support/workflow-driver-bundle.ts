import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sources = ['workflows', 'domain'];
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, log() {} };

/** Bundles the workflows from their source, as a build does from the compiled files. Takes about two seconds. */
export async function bundleWorkflows(): Promise<string> {
  const workflowsPath = join(root, 'workflows', 'index.ts');
  return (await bundleWorkflowCode({ workflowsPath, logger: silent })).code;
}

/** The same, made once for every state of the sources: each spec file runs in a process of its own. */
export async function workflowBundle(): Promise<string> {
  const folder = join(root, 'node_modules', '.cache', 'workflow-bundle');
  const file = join(folder, `${digestOfSources()}.js`);
  try {
    return readFileSync(file, 'utf8');
  } catch {
    const code = await bundleWorkflows();
    mkdirSync(folder, { recursive: true });
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, code);
    renameSync(draft, file);
    return code;
  }
}

function digestOfSources(): string {
  const hash = createHash('sha256');
  const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as {
    version: string;
  };
  hash.update(version);
  for (const folder of sources) {
    for (const name of readdirSync(join(root, folder)).sort()) {
      hash.update(`\n${folder}/${name}\n`).update(readFileSync(join(root, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 32);
}
