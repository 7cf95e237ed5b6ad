import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { ApiNames, MigratorNames, WorkerNames, knownNames } from './env-names.js';

/**
 * The environment, read once by each process's main, validated and frozen. Nobody else reads `process.env`.
 * The api's view has nothing by which it could reach a host: it knows where the estate file lies, yet only the
 * worker resolves the secret references in it.
 */
export interface ApiEnv {
  readonly databaseUrl: string;
  readonly temporal: TemporalEnv;
  readonly host: string;
  readonly port: number;
  readonly oidc: { readonly issuer: string; readonly audience: string };
  readonly estatePath: string;
  /** Reference (`file:` or `env:`) of the Ed25519 key that signs every review. */
  readonly decisionPrivateKey: string;
  readonly redisUrl: string | undefined;
  readonly logLevel: string;
}

export interface WorkerEnv {
  readonly databaseUrl: string;
  readonly temporal: TemporalEnv;
  readonly estatePath: string;
  /** The sites this worker serves; undefined means every site of the estate. */
  readonly sites: readonly string[] | undefined;
  /** Reference of the Ed25519 key that proves a review came through the api. */
  readonly decisionPublicKey: string;
  /** Reference of the Ed25519 key that signs audit checkpoints. */
  readonly checkpointKey: string;
  /** Loopback port of `/healthz` and `/readyz`; undefined means no health port. */
  readonly healthPort: number | undefined;
  /** File by which a test names the place where the process is killed; see activities/failpoint.ts. */
  readonly failpoint: string | undefined;
  /** For trials: a step whose connection is cut every time, such as `attach:after`. */
  readonly fault: { readonly step: string; readonly when: 'before' | 'after' | 'hang' } | undefined;
  readonly redisUrl: string | undefined;
  readonly logLevel: string;
}

export interface TemporalEnv {
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string | undefined;
}

export interface MigratorEnv {
  readonly databaseUrl: string;
}

type Source = Readonly<Record<string, string | undefined>>;

export interface EnvProblem {
  readonly name: string;
  readonly expected: string;
  readonly actual: string;
  readonly remedy: string;
}

/** Every name that is wrong, at once: nobody should have to start a process five times to learn of five typos. */
export class EnvError extends Error {
  override readonly name = 'EnvError';

  constructor(
    readonly process: string,
    readonly problems: readonly EnvProblem[],
  ) {
    super(
      [
        `the environment of ${process} is not usable:`,
        ...problems.map(
          (problem) =>
            `  ${problem.name}: expected ${problem.expected}, actual ${problem.actual}; ${problem.remedy}`,
        ),
      ].join('\n'),
    );
  }
}

export function readApiEnv(source: Source = process.env): ApiEnv {
  const names = validated('the api', ApiNames, source);
  return frozen({
    databaseUrl: names.DATABASE_URL,
    temporal: temporalOf(names),
    host: names.SLIPWAY_API_HOST,
    port: Number(names.SLIPWAY_API_PORT),
    oidc: { issuer: names.OIDC_ISSUER, audience: names.OIDC_AUDIENCE },
    estatePath: names.SLIPWAY_ESTATE,
    decisionPrivateKey: names.SLIPWAY_DECISION_PRIVATE_KEY,
    redisUrl: names.REDIS_URL,
    logLevel: names.SLIPWAY_LOG_LEVEL,
  });
}

export function readWorkerEnv(source: Source = process.env): WorkerEnv {
  const names = validated('the worker', WorkerNames, source);
  return frozen({
    databaseUrl: names.DATABASE_URL,
    temporal: temporalOf(names),
    estatePath: names.SLIPWAY_ESTATE,
    sites: names.SLIPWAY_SITES?.split(',').map((site) => site.trim()),
    decisionPublicKey: names.SLIPWAY_DECISION_PUBLIC_KEY,
    checkpointKey: names.SLIPWAY_CHECKPOINT_KEY,
    healthPort:
      names.SLIPWAY_WORKER_HEALTH_PORT === undefined ? undefined : Number(names.SLIPWAY_WORKER_HEALTH_PORT),
    failpoint: names.SLIPWAY_FAILPOINT,
    fault: faultOf(names.SLIPWAY_FAULT),
    redisUrl: names.REDIS_URL,
    logLevel: names.SLIPWAY_LOG_LEVEL,
  });
}

export function readMigratorEnv(source: Source = process.env): MigratorEnv {
  return frozen({ databaseUrl: validated('the migrations', MigratorNames, source).DATABASE_MIGRATOR_URL });
}

/** The environment as it is, for the supervisor, which hands parts of it to its children. */
export function processEnvironment(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function faultOf(text: string | undefined): WorkerEnv['fault'] {
  const [, step, when] = /^(.*):(before|after|hang)$/.exec(text ?? '') ?? [];
  return step && when ? { step, when: when as 'before' | 'after' | 'hang' } : undefined;
}

function temporalOf(names: ApiNames | WorkerNames): TemporalEnv {
  return {
    address: names.TEMPORAL_ADDRESS,
    namespace: names.TEMPORAL_NAMESPACE,
    uiUrl: names.TEMPORAL_UI_URL,
  };
}

function validated<Names extends object>(process: string, names: new () => Names, source: Source): Names {
  // An empty value is an absent one: compose files and shells set `NAME=` for "not given".
  const given = Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== undefined && value !== ''),
  );
  const instance = plainToInstance(names, given, { exposeDefaultValues: true });
  const problems = [
    ...validateSync(instance, { stopAtFirstError: true }).map(problemOf),
    ...Object.keys(given).filter(isMistyped).map(unknownName),
  ];
  if (problems.length > 0) throw new EnvError(process, problems);
  return instance;
}

function problemOf(error: ValidationError): EnvProblem {
  const [constraint = ''] = Object.keys(error.constraints ?? {});
  const context = error.contexts?.[constraint] as { remedy?: string } | undefined;
  return {
    name: error.property,
    expected: error.constraints?.[constraint] ?? 'another value',
    actual: shown(error.value),
    remedy: context?.remedy ?? 'see compose.env.example',
  };
}

/** `SLIPWAY_SITE=lab` for `SLIPWAY_SITES=lab` would silently serve every site: an unknown name of ours is an error. */
function isMistyped(name: string): boolean {
  return name.startsWith('SLIPWAY_') && !knownNames.includes(name);
}

function unknownName(name: string): EnvProblem {
  return {
    name,
    expected: `one of ${knownNames.filter((known) => known.startsWith('SLIPWAY_')).join(', ')}`,
    actual: 'a name nobody reads',
    remedy: 'correct or remove it',
  };
}

/** A value as it may be printed: without the password a URL may hold, and cut short. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return JSON.stringify(text.replace(/:\/\/([^:@/\s]*):[^@\s]*@/, '://$1:***@').slice(0, 120));
}

function frozen<Env extends object>(env: Env): Env {
  for (const value of Object.values(env))
    if (typeof value === 'object' && value !== null) Object.freeze(value);
  return Object.freeze(env);
}
