import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { checkout } from './places.js';
import { StackError } from './failure.js';

/** What a stack can be told. Every port may be 0: any free one. */
export interface StackOptions {
  /** Where its data, keys, logs and addresses lie. */
  readonly home: string;
  readonly estate: string;
  readonly sites?: string;
  readonly apiPort: number;
  readonly issuerPort: number;
  readonly workerHealthPort: number;
  readonly simulatorPort: number;
  readonly postgresPort: number;
  readonly temporalPort: number;
  readonly temporalUiPort: number;
  readonly people: string;
  /** The simulated hosts: the file they begin from. */
  readonly world: string;
  readonly logLevel: string;
  /** Servers of your own, used in place of embedded ones. */
  readonly databaseUrl?: string;
  readonly databaseMigratorUrl?: string;
  readonly temporalAddress?: string;
  readonly temporalNamespace: string;
  readonly temporalUiUrl?: string;
  readonly oidcIssuer?: string;
  readonly oidcAudience: string;
  readonly redisUrl?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export const defaultPorts = {
  apiPort: 7080,
  issuerPort: 7081,
  workerHealthPort: 7082,
  postgresPort: 7083,
  simulatorPort: 7084,
  temporalPort: 7233,
  temporalUiPort: 8233,
} as const;

/** The same, with any free ports and a home of one's own: for tests and the demo beside a running stack. */
export function anyPorts(): Record<keyof typeof defaultPorts, number> {
  return {
    apiPort: 0,
    issuerPort: 0,
    workerHealthPort: 0,
    postgresPort: 0,
    simulatorPort: 0,
    temporalPort: 0,
    temporalUiPort: 0,
  };
}

/** What holds when neither an option nor the environment says otherwise. */
export function defaultOptions(): StackOptions {
  return {
    ...defaultPorts,
    home: join(checkout, '.slipway'),
    estate: defaultEstate(),
    people: join(checkout, 'stack', 'demo-people.json'),
    world: join(checkout, 'lab', 'simulated', 'world.yaml'),
    logLevel: 'info',
    temporalNamespace: 'default',
    oidcAudience: 'slipway',
  };
}

/** The estate of this checkout if its user wrote one, else the simulated one that comes with the product. */
function defaultEstate(): string {
  const own = join(checkout, 'estate.yaml');
  return existsSync(own) ? own : join(checkout, 'lab', 'simulated', 'estate.yaml');
}

const textOptions = [
  ['--home <directory>', 'SLIPWAY_HOME', 'home', 'data, keys, logs and addresses'],
  ['--estate <file>', 'SLIPWAY_ESTATE', 'estate', 'the estate: sites, hosts and how to reach them'],
  ['--sites <list>', 'SLIPWAY_SITES', 'sites', 'the sites the worker serves, with commas between'],
  ['--people <file>', undefined, 'people', 'the people the local issuer knows'],
  ['--world <file>', undefined, 'world', 'what the simulated hosts are'],
  ['--log-level <level>', 'SLIPWAY_LOG_LEVEL', 'logLevel', 'fatal, error, warn, info, debug or trace'],
] as const;

const portOptions = [
  ['--api-port <port>', 'SLIPWAY_API_PORT', 'apiPort', 'the api'],
  ['--issuer-port <port>', undefined, 'issuerPort', 'the local OIDC issuer'],
  ['--worker-health-port <port>', 'SLIPWAY_WORKER_HEALTH_PORT', 'workerHealthPort', "the worker's health"],
  ['--postgres-port <port>', undefined, 'postgresPort', 'the embedded Postgres'],
  ['--simulator-port <port>', undefined, 'simulatorPort', 'the simulated hosts, if the estate has them'],
  ['--temporal-port <port>', undefined, 'temporalPort', "Temporal's frontend"],
  ['--temporal-ui-port <port>', undefined, 'temporalUiPort', "Temporal's web UI"],
] as const;

/** Servers of one's own are named in the environment only: their URLs hold passwords, and arguments are public. */
const environmentOnly = {
  databaseUrl: 'DATABASE_URL',
  databaseMigratorUrl: 'DATABASE_MIGRATOR_URL',
  temporalAddress: 'TEMPORAL_ADDRESS',
  temporalNamespace: 'TEMPORAL_NAMESPACE',
  temporalUiUrl: 'TEMPORAL_UI_URL',
  oidcIssuer: 'OIDC_ISSUER',
  oidcAudience: 'OIDC_AUDIENCE',
  redisUrl: 'REDIS_URL',
} as const;

/**
 * What `npm start -- ARGS` asks for: an option wins over the environment, which wins over the default.
 * @returns undefined when only help was asked for
 * @throws StackError for an unknown option or a port that is none
 */
export function readOptions(args: readonly string[], environment: Environment): StackOptions | undefined {
  const defaults = defaultOptions();
  const command = new Command('npm start --')
    .description('Runs Temporal, Postgres, a local OIDC issuer, the api and the worker as one process tree.')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .addHelpText('after', () => environmentHelp());
  for (const [flags, name, key, what] of textOptions) {
    command.option(flags, `${what}${nameHelp(name)}`, environment[name ?? ''] || defaults[key]);
  }
  for (const [flags, name, key, what] of portOptions) {
    const given = environment[name ?? ''];
    command.option(
      flags,
      `port of ${what}; 0: any free one${nameHelp(name)}`,
      portOf,
      given ? portOf(given) : defaults[key],
    );
  }
  try {
    command.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw new StackError(error.message, ['see: npm start -- --help']);
  }
  const fromEnvironment = Object.fromEntries(
    Object.entries(environmentOnly).flatMap(([key, name]) =>
      environment[name] ? [[key, environment[name]]] : [],
    ),
  );
  const options = { ...defaults, ...fromEnvironment, ...command.opts<Partial<StackOptions>>() };
  const from = environment['INIT_CWD'] ?? process.cwd();
  return {
    ...options,
    home: absolute(options.home, from),
    estate: absolute(options.estate, from),
    people: absolute(options.people, from),
    world: absolute(options.world, from),
  };
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError(`expected a port from 0 to 65535, actual ${JSON.stringify(text)}`);
  }
  return port;
}

function absolute(path: string, from: string): string {
  if (path.startsWith('~/')) return join(homedir(), path.slice(2));
  return isAbsolute(path) ? path : resolve(from, path);
}

function nameHelp(name: string | undefined): string {
  return name === undefined ? '' : ` (or ${name})`;
}

function environmentHelp(): string {
  return [
    '',
    'Servers of your own, named in the environment, take the place of embedded ones:',
    '  DATABASE_URL, DATABASE_MIGRATOR_URL    a Postgres 15 or newer',
    '  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_UI_URL',
    '  OIDC_ISSUER, OIDC_AUDIENCE',
    '  REDIS_URL                              for BullMQ, which else uses Postgres',
  ].join('\n');
}
