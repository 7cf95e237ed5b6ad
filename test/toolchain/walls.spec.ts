import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkout } from '../../stack/places.js';

const house = mkdtempSync(join(tmpdir(), 'slipway-walls-'));
const folders = [
  'domain',
  'workflows',
  'activities',
  'hypervisors',
  'records',
  'config',
  'api',
  'worker',
  'cli',
  'stack',
  'test',
];

function write(path: string, text: string): void {
  mkdirSync(dirname(join(house, path)), { recursive: true });
  writeFileSync(join(house, path), text);
}

const value = (target: string): string => `import { there } from '${target}'; export const x = there;`;
const type = (target: string): string => `import type { There } from '${target}'; export type X = There;`;

/** What is wrong, where, and the rule that must stand against it. */
const wrong = [
  ['the api reaches a hypervisor', 'api', value('../hypervisors/there.js'), 'api-imports'],
  ['the api reaches an activity', 'api', value('../activities/there.js'), 'api-imports'],
  ['the api reaches the worker', 'api', value('../worker/there.js'), 'api-imports'],
  ['the api reaches a workflow', 'api', value('../workflows/there.js'), 'api-imports'],
  ['the domain uses a package', 'domain', value('kysely'), 'domain-packages'],
  ['the domain uses Node', 'domain', value('node:fs'), 'domain-no-node'],
  [
    'a workflow calls an activity directly',
    'workflows',
    value('../activities/there.js'),
    'workflows-imports',
  ],
  ['a workflow uses Node', 'workflows', value('node:crypto'), 'workflows-no-node'],
  [
    'a workflow knows a type of the register',
    'workflows',
    type('../records/there.js'),
    'workflows-imports-types',
  ],
  ['an adapter knows Temporal', 'hypervisors', value('@temporalio/client'), 'hypervisors-packages'],
  ['an adapter knows Nest', 'hypervisors', value('@nestjs/common'), 'hypervisors-packages'],
  ['one hypervisor knows another', 'hypervisors/esx', value('../kvm/there.js'), 'hypervisors-apart'],
  ['the CLI knows the server', 'cli', value('../records/there.js'), 'cli-imports'],
  ['the CLI knows a type of the server', 'cli', type('../api/there.js'), 'cli-imports-types'],
  ['the product imports a test', 'worker', value('../test/there.js'), 'nobody-imports-tests'],
  ['a configuration imports a folder of ours', 'config', value('../domain/there.js'), 'config-imports'],
  ['an import leads nowhere', 'records', value('./missing.js'), 'resolvable'],
  [
    'two files import each other',
    'domain',
    `import { one } from './zone.js'; export const x = () => one;`,
    'no-cycles',
  ],
] as const;

/** What the table lets through. */
const right = [
  ['a workflow knows the types of activities', 'workflows', type('../activities/there.js')],
  ['the api knows the contract of the workflows', 'api', value('../workflows/contract.js')],
  ['a workflow plans with the domain', 'workflows', value('../domain/there.js')],
  ['a test imports anything', 'test', value('../hypervisors/there.js')],
] as const;

const fileOf = (kind: string, folder: string, index: number): string => `${folder}/${kind}-${index}.ts`;
let violations: { from: string; rule: { name: string } }[];

function brokenBy(path: string): string[] {
  return violations.filter(({ from }) => from === path).map(({ rule }) => rule.name);
}

beforeAll(() => {
  for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
    cpSync(join(checkout, name), join(house, name));
  }
  symlinkSync(join(checkout, 'node_modules'), join(house, 'node_modules'));
  for (const folder of folders) write(`${folder}/there.ts`, 'export const there = 1; export type There = 1;');
  write('workflows/contract.ts', 'export const there = 1;');
  write('hypervisors/kvm/there.ts', 'export const there = 1;');
  wrong.forEach(([, folder, text], index) => write(fileOf('wrong', folder, index), text));
  right.forEach(([, folder, text], index) => write(fileOf('right', folder, index), text));
  write('domain/zone.ts', `import { x } from './wrong-${wrong.length - 1}.js'; export const one = x;`);
  const { stdout } = spawnSync(
    process.execPath,
    [
      join(checkout, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
      ...['--config', '.dependency-cruiser.cjs', '--preserve-symlinks', '--output-type', 'json', ...folders],
    ],
    { cwd: house, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  ({ violations } = (JSON.parse(stdout) as { summary: { violations: typeof violations } }).summary);
}, 60_000);
afterAll(() => rmSync(house, { recursive: true, force: true }));

describe('the import walls', () => {
  it.each(
    wrong.map(([what, folder, , rule], index) => ({ what, path: fileOf('wrong', folder, index), rule })),
  )('stand when $what', ({ path, rule }) => expect(brokenBy(path)).toContain(rule));

  it.each(right.map(([what, folder], index) => ({ what, path: fileOf('right', folder, index) })))(
    'let through when $what',
    ({ path }) => expect(brokenBy(path)).toEqual([]),
  );
});
