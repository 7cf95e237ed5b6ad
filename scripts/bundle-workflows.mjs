// Bundles the compiled workflows once, at build: a worker that starts must not spend its first seconds on webpack.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { places } from './setup/places.mjs';

const quiet = { trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error, log() {} };
const { code } = await bundleWorkflowCode({
  workflowsPath: join(places.dist, 'workflows', 'index.js'),
  logger: quiet,
});
writeFileSync(join(places.dist, 'workflow-bundle.js'), code);
