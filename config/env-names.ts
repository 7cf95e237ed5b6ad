import { IsIn, IsOptional, IsPort, IsUrl, Matches, type ValidationOptions } from 'class-validator';

const reference = /^(file|env):\S.*$/;
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'];
const httpUrl = { protocols: ['http', 'https'], require_protocol: true, require_tld: false };

/** What a name must hold and what to do about a wrong one; `EnvError` prints both. */
function says(expected: string, remedy: string): ValidationOptions {
  return { message: expected, context: { remedy } };
}

/**
 * The names of the environment, one class for each process. `compose.env.example` lists the same names; a test
 * holds the two together.
 */
class EveryProcess {
  @Matches(
    /^postgres(ql)?:\/\/\S+$/,
    says('a URL postgres://user:password@host:port/database', 'name the register'),
  )
  DATABASE_URL!: string;

  @Matches(/^[^\s:/]+:\d{1,5}$/, says("host:port of Temporal's frontend", 'for example 127.0.0.1:7233'))
  TEMPORAL_ADDRESS!: string;

  @Matches(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, says("a Temporal namespace's name", 'leave it out for "default"'))
  TEMPORAL_NAMESPACE: string = 'default';

  @IsOptional()
  @IsUrl(httpUrl, says("the http URL of Temporal's web UI", 'leave it out if there is none'))
  TEMPORAL_UI_URL?: string;

  @Matches(/^[^\0]+$/, says("the estate file's path", 'see docs for the shape of an estate'))
  SLIPWAY_ESTATE!: string;

  @IsOptional()
  @Matches(
    /^rediss?:\/\/\S+$/,
    says('a URL redis://host:port', "leave it out to keep BullMQ's jobs in Postgres"),
  )
  REDIS_URL?: string;

  @IsIn(logLevels, says(logLevels.join(', '), 'leave it out for info'))
  SLIPWAY_LOG_LEVEL: string = 'info';
}

export class ApiNames extends EveryProcess {
  @Matches(/^[A-Za-z0-9.:-]+$/, says('an address to listen on', 'leave it out for 127.0.0.1'))
  SLIPWAY_API_HOST: string = '127.0.0.1';

  @IsPort(says('a port from 0 to 65535', 'leave it out for 7080'))
  SLIPWAY_API_PORT: string = '7080';

  @IsUrl(httpUrl, says("the OIDC issuer's URL", "it must be the issuer's own, to the letter"))
  OIDC_ISSUER!: string;

  @Matches(/^\S+$/, says('the audience that tokens are issued for', 'leave it out for "slipway"'))
  OIDC_AUDIENCE: string = 'slipway';

  @Matches(
    reference,
    says('a reference file:PATH or env:NAME', 'name the private key; never put the key itself here'),
  )
  SLIPWAY_DECISION_PRIVATE_KEY!: string;
}

export class WorkerNames extends EveryProcess {
  @Matches(reference, says('a reference file:PATH or env:NAME', "name the api's public key"))
  SLIPWAY_DECISION_PUBLIC_KEY!: string;

  @Matches(reference, says('a reference file:PATH or env:NAME', 'name the private key of audit checkpoints'))
  SLIPWAY_CHECKPOINT_KEY!: string;

  @IsOptional()
  @Matches(
    /^\s*[\w.-]+(\s*,\s*[\w.-]+)*\s*$/,
    says('sites with commas between', 'leave it out for every site'),
  )
  SLIPWAY_SITES?: string;

  @IsOptional()
  @IsPort(says('a port from 0 to 65535', 'leave it out for no health port'))
  SLIPWAY_WORKER_HEALTH_PORT?: string;

  @IsOptional()
  @Matches(/^\/.+/, says('the absolute path of a file that names a failpoint', 'only tests set one'))
  SLIPWAY_FAILPOINT?: string;

  @IsOptional()
  @Matches(
    /^[a-z]+( [\w.:-]+)?:(before|after|hang)$/,
    says('a step and when, such as attach:after', 'only the demo and tests set one'),
  )
  SLIPWAY_FAULT?: string;
}

export class MigratorNames {
  @Matches(
    /^postgres(ql)?:\/\/\S+$/,
    says('a URL postgres://user:password@host:port/database', "name the schema's owner"),
  )
  DATABASE_MIGRATOR_URL!: string;
}

/** Every name that some process, the supervisor or a script of the repository reads. */
export const knownNames: readonly string[] = [
  'DATABASE_URL',
  'DATABASE_MIGRATOR_URL',
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_UI_URL',
  'OIDC_ISSUER',
  'OIDC_AUDIENCE',
  'REDIS_URL',
  'SLIPWAY_ESTATE',
  'SLIPWAY_LOG_LEVEL',
  'SLIPWAY_API_HOST',
  'SLIPWAY_API_PORT',
  'SLIPWAY_DECISION_PRIVATE_KEY',
  'SLIPWAY_DECISION_PUBLIC_KEY',
  'SLIPWAY_CHECKPOINT_KEY',
  'SLIPWAY_SITES',
  'SLIPWAY_WORKER_HEALTH_PORT',
  'SLIPWAY_FAILPOINT',
  'SLIPWAY_FAULT',
  // read by the supervisor, the scripts and the CLI
  'SLIPWAY_HOME',
  'SLIPWAY_TEMPORAL_CLI',
  'SLIPWAY_API_URL',
  'SLIPWAY_SIMULATOR_URL',
  'SLIPWAY_TOKEN',
];
