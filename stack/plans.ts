import { join } from 'node:path';
import { processEnvironment } from '../config/env.js';
import type { ChildPlan } from './child.js';
import { answersWell } from './http-health.js';
import { audience, cliClient, localPersonGrant } from './issuer.js';
import type { KeyFiles } from './keys.js';
import type { StackOptions } from './options.js';
import { type SetUp, checkout, compiled } from './places.js';
import { loopback } from './ports.js';

/** How the stack's own Node processes are run. */
export interface NodeSurroundings {
  readonly options: StackOptions;
  readonly setUp: SetUp;
  readonly keys: KeyFiles;
}

export interface ServiceAddresses {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly temporalUiUrl: string | undefined;
  readonly issuerUrl: string;
  readonly simulatorUrl: string | undefined;
}

export function issuerPlan(around: NodeSurroundings, port: number): ChildPlan {
  const { keys, options } = around;
  const url = `http://${loopback}:${port}`;
  return nodePlan(around, {
    name: 'issuer',
    entry: 'stack/issuer-main.js',
    args: [
      ...['--issuer', url, '--host', loopback, '--port', String(port)],
      ...['--keys', keys.issuerKeys, '--secret', keys.issuerSecret, '--people', options.people],
    ],
    env: {},
    ready: `${url}/.well-known/openid-configuration`,
    well: `${url}/.well-known/openid-configuration`,
    stopWithinMs: 1_500,
  });
}

/** The simulated hosts, a process of their own as real hosts are: they outlive a worker, and their ledger all of us. */
export function simulatorPlan(around: NodeSurroundings, port: number): ChildPlan {
  const { home, world } = around.options;
  const url = `http://${loopback}:${port}`;
  return nodePlan(around, {
    name: 'simulator',
    entry: 'hypervisors/simulated/main.js',
    args: ['--world', world, '--state-dir', join(home, 'simulator'), '--port', String(port)],
    env: {},
    ready: `${url}/healthz`,
    well: `${url}/healthz`,
    stopWithinMs: 2_000,
  });
}

/** The api gets what it needs and nothing else: no secret of the estate may be within its reach. */
export function apiPlan(around: NodeSurroundings, port: number, services: ServiceAddresses): ChildPlan {
  const { keys, options } = around;
  const url = `http://${loopback}:${port}`;
  return nodePlan(around, {
    name: 'api',
    entry: 'api/main.js',
    args: [],
    env: {
      ...everyProcess(options, services),
      SLIPWAY_API_HOST: loopback,
      SLIPWAY_API_PORT: String(port),
      OIDC_ISSUER: services.issuerUrl,
      OIDC_AUDIENCE: options.oidcAudience,
      SLIPWAY_DECISION_PRIVATE_KEY: `file:${keys.decisionPrivate}`,
    },
    ready: `${url}/readyz`,
    well: `${url}/healthz`,
    stopWithinMs: 3_000,
  });
}

/** The worker keeps the environment it was started in: the estate's `env:` references name what is in it. */
export function workerPlan(
  around: NodeSurroundings,
  healthPort: number,
  services: ServiceAddresses,
): ChildPlan {
  const { keys, options } = around;
  const url = `http://${loopback}:${healthPort}`;
  return nodePlan(around, {
    name: 'worker',
    entry: 'worker/main.js',
    args: [],
    env: {
      ...inherited(),
      ...everyProcess(options, services),
      ...(services.simulatorUrl !== undefined && { SLIPWAY_SIMULATOR_URL: services.simulatorUrl }),
      ...(options.sites !== undefined && { SLIPWAY_SITES: options.sites }),
      SLIPWAY_DECISION_PUBLIC_KEY: `file:${keys.decisionPublic}`,
      SLIPWAY_CHECKPOINT_KEY: `file:${keys.checkpoint}`,
      SLIPWAY_WORKER_HEALTH_PORT: String(healthPort),
    },
    ready: `${url}/readyz`,
    well: `${url}/healthz`,
    stopWithinMs: 6_000,
  });
}

/** What the local issuer's clients must know of it. */
export function localIssuer(url: string, keys: KeyFiles) {
  return { url, audience, clientId: cliClient, grantType: localPersonGrant, secretFile: keys.issuerSecret };
}

function everyProcess(options: StackOptions, services: ServiceAddresses): Record<string, string> {
  return {
    DATABASE_URL: services.databaseUrl,
    TEMPORAL_ADDRESS: services.temporalAddress,
    TEMPORAL_NAMESPACE: options.temporalNamespace,
    ...(services.temporalUiUrl !== undefined && { TEMPORAL_UI_URL: services.temporalUiUrl }),
    SLIPWAY_ESTATE: options.estate,
    SLIPWAY_LOG_LEVEL: options.logLevel,
    ...(options.redisUrl !== undefined && { REDIS_URL: options.redisUrl }),
  };
}

/** Our own environment without the names that belong to other processes, or that we set ourselves. */
function inherited(): Record<string, string> {
  const ours = /^(SLIPWAY_|TEMPORAL_|DATABASE_|OIDC_|npm_|NODE_OPTIONS$|JEST_)/;
  return Object.fromEntries(Object.entries(processEnvironment()).filter(([name]) => !ours.test(name)));
}

interface NodeProcess {
  readonly name: string;
  readonly entry: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly ready: string;
  readonly well: string;
  readonly stopWithinMs: number;
}

function nodePlan({ options, setUp }: NodeSurroundings, node: NodeProcess): ChildPlan {
  const { PATH = '/usr/bin:/bin', HOME = '/' } = processEnvironment();
  return {
    name: node.name,
    file: setUp.node,
    args: ['--enable-source-maps', compiled(node.entry), ...node.args],
    env: { PATH, HOME, NODE_ENV: 'production', NO_COLOR: '1', ...node.env },
    cwd: checkout,
    log: join(options.home, 'logs', `${node.name}.log`),
    isReady: () => answersWell(node.ready),
    isWell: () => answersWell(node.well),
    readyWithinMs: 60_000,
    stopSignal: 'SIGTERM',
    stopWithinMs: node.stopWithinMs,
  };
}
