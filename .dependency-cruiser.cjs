/**
 * The walls of the house: each folder is a runtime, and may import only what is written here. Everything else is
 * refused ("deny by default"). `value` may be imported; `types` only as `import type`. docs/ tells the walls in prose.
 */
const ours = [
  'domain',
  'workflows',
  'activities',
  'hypervisors',
  'records',
  'queues',
  'config',
  'api',
  'worker',
  'cli',
  'stack',
  'lab',
  'bench',
  'test',
  'scripts',
];

const temporalForWorkflows = ['@temporalio/workflow', '@temporalio/common'];
const nest = [
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/platform-express',
  '@nestjs/swagger',
  'nestjs-pino',
  'pino-http',
  'pino',
  'rxjs',
  'reflect-metadata',
  'express',
  'express-serve-static-core',
];
const validation = ['class-validator', 'class-transformer', 'reflect-metadata'];

const walls = {
  domain: {
    value: [],
    packages: [],
    why: 'domain runs in the workflow sandbox, in the api and in the adapters alike: it imports nothing outside itself, not even Node.',
  },
  workflows: {
    value: ['domain'],
    types: ['activities'],
    packages: temporalForWorkflows,
    why: 'workflows run in a deterministic sandbox: Node, Nest and class-validator break the bundle or the replay. Activities are known by their types only.',
  },
  activities: {
    value: ['domain', 'records', 'queues'],
    types: ['workflows', 'hypervisors'],
    packages: ['@temporalio/activity', '@temporalio/common', 'kysely'],
    node: true,
    why: 'activities are what workflows can do; they know the register and a hypervisor by its port, never the processes around them (api, worker, Nest).',
  },
  hypervisors: {
    value: ['domain'],
    types: ['config'],
    packages: ['fast-xml-parser', 'yaml'],
    node: true,
    why: 'an adapter translates between a hypervisor and the domain: no Temporal, no Nest, no register; it must be usable without any of them.',
  },
  records: {
    value: ['domain', 'config/env.ts'],
    types: ['workflows'],
    packages: ['kysely', 'pg'],
    node: true,
    why: 'the register is used by api, activities and the supervisor: it may know none of them.',
  },
  queues: {
    value: [],
    types: ['domain'],
    packages: ['bullmq', 'ioredis', 'pg'],
    why: 'the contract of the queues, shared by who sends and who receives.',
  },
  config: {
    value: [],
    types: ['domain'],
    packages: [...validation, 'yaml'],
    node: true,
    why: 'configuration is read before anything else exists: it imports no folder of ours.',
  },
  api: {
    value: ['domain', 'workflows/contract.ts', 'records', 'queues', 'config'],
    types: ['workflows'],
    packages: [
      ...nest,
      ...validation,
      '@temporalio/client',
      '@temporalio/common',
      'jose',
      'kysely',
      'pg',
      'bullmq',
      'yaml',
    ],
    node: true,
    why: 'THE API PROCESS HOLDS NO HYPERVISOR CREDENTIALS: it never imports activities, hypervisors or worker.',
  },
  worker: {
    value: ['domain', 'activities', 'hypervisors', 'records', 'queues', 'config', 'workflows/contract.ts'],
    types: ['workflows'],
    packages: [
      ...nest,
      ...validation,
      '@temporalio/worker',
      '@temporalio/client',
      '@temporalio/common',
      '@temporalio/activity',
      'bullmq',
      'ioredis',
      'pg',
      'kysely',
    ],
    node: true,
    why: 'the worker brings everything together but the api; workflows by path only (their bundle), never imported.',
  },
  cli: {
    // Pure text and proof, no server: an export must be verified, and a command shown, by the very same rules.
    value: ['domain/act.ts', 'domain/audit.ts', 'domain/audit-verify.ts'],
    packages: ['commander', 'yaml'],
    node: true,
    why: 'the CLI speaks HTTP only, as any other client: what it can do, everybody can do.',
  },
  stack: {
    value: ['records', 'queues', 'config'],
    packages: ['@temporalio/client', '@temporalio/proto', 'commander', 'oidc-provider', 'pg'],
    node: true,
    why: 'the supervisor starts processes and migrates the register; what the processes do is none of its business.',
  },
  lab: {
    value: ['domain', 'config', 'stack', 'cli'],
    types: ['api'],
    packages: ['commander', 'yaml', '@temporalio/client'],
    node: true,
    why: 'the lab and the demo use the product from outside, as a person would.',
  },
  bench: {
    value: ['domain', 'config', 'stack', 'lab', 'workflows', 'activities', 'records', 'worker'],
    packages: [
      'commander',
      '@temporalio/client',
      '@temporalio/worker',
      '@temporalio/activity',
      '@temporalio/workflow',
      '@temporalio/common',
      'pg',
      'yaml',
    ],
    node: true,
    why: 'the bench measures the product from outside, beside bare workflows that do the same with the same activities and worker options.',
  },
};

const start = (names) => `^(${names.map((name) => name.replace(/[.]/g, '[.]')).join('|')})`;
const folderOrFile = (name) => (name.endsWith('.ts') ? `${name}$` : `${name}/`);
const packagePath = (name) => `^node_modules/(@types/)?${name.replace('/', '[/]')}/`;

/** Within one folder a value import needs `value`; a type import may also use `types`. */
function rulesOf([folder, wall]) {
  const value = [folder, ...wall.value].map(folderOrFile);
  const types = [...value, ...(wall.types ?? []).map(folderOrFile)];
  const packages = wall.packages.map(packagePath);
  const nothing = '^$';
  return [
    {
      name: `${folder}-imports`,
      comment: wall.why,
      severity: 'error',
      from: { path: `^${folder}/` },
      to: {
        path: start(ours.map((name) => `${name}/`)),
        pathNot: start(value),
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: `${folder}-imports-types`,
      comment: wall.why,
      severity: 'error',
      from: { path: `^${folder}/` },
      to: {
        path: start(ours.map((name) => `${name}/`)),
        pathNot: start(types),
        dependencyTypes: ['type-only'],
      },
    },
    {
      name: `${folder}-packages`,
      comment: wall.why,
      severity: 'error',
      from: { path: `^${folder}/` },
      to: { path: '^node_modules/', pathNot: packages.length > 0 ? packages : nothing },
    },
    ...(wall.node
      ? []
      : [
          {
            name: `${folder}-no-node`,
            comment: wall.why,
            severity: 'error',
            from: { path: `^${folder}/` },
            to: { dependencyTypes: ['core'] },
          },
        ]),
  ];
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...Object.entries(walls).flatMap(rulesOf),
    {
      name: 'hypervisors-apart',
      comment:
        'What one hypervisor needs must not become what another one has: share through the domain’s port. Only registry.ts names the kinds.',
      severity: 'error',
      from: { path: '^hypervisors/([^/]+)/' },
      to: { path: '^hypervisors/([^/]+)/', pathNot: '^hypervisors/$1/' },
    },
    {
      name: 'nobody-imports-tests',
      comment: 'Tests may import everything; nothing may import them.',
      severity: 'error',
      from: { pathNot: '^test/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one file, or hide a third.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unknown-folders',
      comment: 'Every folder has a wall: add the new one to the table above, with its reason.',
      severity: 'error',
      from: { path: '^[^/]+/', pathNot: start(ours.map((name) => `${name}/`)) },
      to: {},
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-packages',
      comment: 'A package that only another package brings can vanish with its next version: declare it.',
      severity: 'error',
      from: { pathNot: '^test/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-dev-packages-at-run-time',
      comment: 'The image installs without devDependencies.',
      severity: 'error',
      from: { pathNot: '^(test|scripts)/' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: '^node_modules/@types/',
      },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['^dist/', '^[.]slipway/', '^coverage/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
    combinedDependencies: false,
  },
};
