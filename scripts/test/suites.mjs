// The suites of `npm test`, found by their folders: a new folder below test/ is run without being told here.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/places.mjs';

/** Cheap ones first: who broke the domain need not wait for a server to start. */
const order = [
  'toolchain',
  'domain',
  'config',
  'docs',
  'workflows',
  'activities',
  'hypervisors',
  'records',
  'queues',
  'api',
  'worker',
  'cli',
  'stack',
  'bench',
  'e2e',
  'battery',
];
/** These start servers: two of their files at once would wait for each other's processor. */
const oneByOne = ['stack', 'e2e', 'bench', 'lab'];

export function suites({ kvm }) {
  const folders = readdirSync(join(root, 'test'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && holdsSpecs(join(root, 'test', entry.name)))
    .map(({ name }) => name)
    .filter((name) => (name === 'lab') === kvm);
  const rank = (name) => (order.includes(name) ? order.indexOf(name) : order.length);
  return folders
    .sort((a, b) => rank(a) - rank(b))
    .flatMap((name) => (kvm ? specsOf(name) : [`${name}/`]).map((path) => suiteOf(name, path)));
}

/** `path` is a folder, or a single file where each needs a host of its own. */
function suiteOf(folder, path) {
  return { name: path.replace(/\/$|\.spec\.ts$/, ''), folder, path, oneByOne: oneByOne.includes(folder) };
}

function specsOf(folder) {
  const names = readdirSync(join(root, 'test', folder)).filter((name) => name.endsWith('.spec.ts'));
  return names.sort().map((name) => `${folder}/${name}`);
}

function holdsSpecs(folder) {
  return (
    existsSync(folder) &&
    readdirSync(folder, { withFileTypes: true }).some((entry) =>
      entry.isDirectory() ? holdsSpecs(join(folder, entry.name)) : entry.name.endsWith('.spec.ts'),
    )
  );
}
