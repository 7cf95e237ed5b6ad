import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EstateError } from '../config/estate-document.js';
import { readEstate } from '../config/estate.js';
import { type StackAddresses, addressFile, writeAddresses } from './addresses.js';
import { Child, type ChildPlan } from './child.js';
import { StackError } from './failure.js';
import { makeKeys } from './keys.js';
import { StackLock } from './lock.js';
import { type StackOptions, defaultOptions } from './options.js';
import { readJsonFile, readSetUp, writeWhole } from './places.js';
import { apiPlan, issuerPlan, localIssuer, simulatorPlan, workerPlan } from './plans.js';
import { choosePorts, loopback } from './ports.js';
import { type ProcessMark, endLeftover, isAlive, markOf } from './processes.js';
import { type Starting, startRegister, startTemporal } from './services.js';

/** A running stack. Children that end are started again until `stop`. */
export interface Stack {
  readonly addresses: StackAddresses;
  /** A process of the stack by its name: postgres, temporal, issuer, simulator, api, worker. */
  child(name: string): Child;
  /** Stops everything in order: api and issuer, worker, Temporal, Postgres. Never throws. */
  stop(): Promise<void>;
}

export interface StartOptions extends Partial<StackOptions> {
  /** Told of every step and every restart; silent unless given. */
  readonly report?: (line: string) => void;
  /** Which of our own processes to start; both unless given. Tests of the stack alone start none. */
  readonly processes?: readonly ('api' | 'worker')[];
  /** Adds to the worker's environment, for tests: SLIPWAY_FAILPOINT. */
  readonly workerEnv?: Readonly<Record<string, string>>;
  /** For tests that kill the worker often: how long until it is started again. */
  readonly workerRestartDelaysMs?: readonly number[];
}

/**
 * Starts Temporal, Postgres, the issuer, api and worker, and gives them back when all are ready.
 * @throws StackError with what is wrong and what to do; everything it had started is stopped again
 */
export async function startStack(given: StartOptions = {}): Promise<Stack> {
  const {
    report = () => undefined,
    processes = ['api', 'worker'],
    workerEnv = {},
    workerRestartDelaysMs,
    ...changes
  } = given;
  const options = { ...defaultOptions(), ...changes };
  // Others may pass through, as Postgres' user must, but see nothing: what is private is private below.
  mkdirSync(options.home, { recursive: true, mode: 0o711 });
  for (const folder of ['keys', 'logs', 'temporal'])
    mkdirSync(join(options.home, folder), { recursive: true, mode: 0o700 });
  const lock = StackLock.take(join(options.home, 'stack.lock'));
  const started: Child[] = [];
  const stop = async (): Promise<void> => {
    rmSync(addressFile(options.home), { force: true });
    await stopInOrder(started);
    lock.release();
  };
  const start = async (plan: ChildPlan, env = {}): Promise<void> => {
    const child = new Child(plan, report, () => noteChildren(options.home, started));
    started.push(child);
    await child.start(env);
    report(`${plan.name} is ready`);
  };
  try {
    await endLeftovers(options.home, report);
    const addresses = await startAll(options, {
      start,
      report,
      processes,
      workerEnv,
      ...(workerRestartDelaysMs ? { workerRestartDelaysMs } : {}),
    });
    writeAddresses(addresses);
    const child = (name: string): Child => {
      const found = started.find((one) => one.name === name);
      if (found === undefined) throw new StackError(`this stack runs no "${name}"`);
      return found;
    };
    return { addresses, child, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface StartingAll extends Starting {
  readonly processes: readonly ('api' | 'worker')[];
  readonly workerEnv: Readonly<Record<string, string>>;
  readonly workerRestartDelaysMs?: readonly number[];
}

async function startAll(options: StackOptions, starting: StartingAll): Promise<StackAddresses> {
  const { home } = options;
  const setUp = readSetUp();
  mustBeUsable(options.estate);
  const simulated = usesSimulator(options.estate);
  const [api, issuer, workerHealth, postgres, simulator, temporal, temporalUi] = await choosePorts([
    { purpose: 'the api', port: options.apiPort, option: '--api-port' },
    {
      purpose: 'the local issuer',
      port: options.oidcIssuer ? 0 : options.issuerPort,
      option: '--issuer-port',
    },
    { purpose: "the worker's health", port: options.workerHealthPort, option: '--worker-health-port' },
    { purpose: 'Postgres', port: options.databaseUrl ? 0 : options.postgresPort, option: '--postgres-port' },
    {
      purpose: 'the simulated hosts',
      port: simulated ? options.simulatorPort : 0,
      option: '--simulator-port',
    },
    {
      purpose: 'Temporal',
      port: options.temporalAddress ? 0 : options.temporalPort,
      option: '--temporal-port',
    },
    {
      purpose: "Temporal's UI",
      port: options.temporalAddress ? 0 : options.temporalUiPort,
      option: '--temporal-ui-port',
    },
  ]);
  const keys = makeKeys(home);
  const around = { options, setUp, keys };
  const issuerUrl = options.oidcIssuer ?? `http://${loopback}:${issuer}`;
  const simulatorUrl = simulated ? `http://${loopback}:${simulator}` : undefined;

  const [database, temporalPlace] = await all([
    startRegister(options, setUp.postgres, postgres, starting),
    startTemporal(options, setUp.temporalCli, [temporal, temporalUi], starting),
    options.oidcIssuer === undefined ? starting.start(issuerPlan(around, issuer)) : Promise.resolve(),
    simulated ? starting.start(simulatorPlan(around, simulator)) : Promise.resolve(),
  ]);
  const services = {
    databaseUrl: database.appUrl,
    temporalAddress: temporalPlace.address,
    temporalUiUrl: temporalPlace.uiUrl,
    issuerUrl,
    simulatorUrl,
  };
  await all([
    starting.processes.includes('worker')
      ? starting.start(
          { ...workerPlan(around, workerHealth, services), ...restarts(starting) },
          starting.workerEnv,
        )
      : Promise.resolve(),
    starting.processes.includes('api') ? starting.start(apiPlan(around, api, services)) : Promise.resolve(),
  ]);
  return {
    home,
    supervisor: markOf(process.pid) ?? { pid: process.pid, startedAt: '' },
    apiUrl: `http://${loopback}:${api}`,
    issuer:
      options.oidcIssuer === undefined
        ? localIssuer(issuerUrl, keys)
        : { ...localIssuer(issuerUrl, keys), audience: options.oidcAudience, secretFile: undefined },
    temporal: temporalPlace,
    database,
    workerHealthUrl: `http://${loopback}:${workerHealth}`,
    ...(simulatorUrl !== undefined && { simulatorUrl }),
    estate: options.estate,
  };
}

/** Before anything is started: the services would take their time, and api and worker only then complain. */
function mustBeUsable(estate: string): void {
  try {
    readEstate(estate);
  } catch (error) {
    if (error instanceof EstateError) throw new StackError(error.message);
    throw error;
  }
}

/** The estate itself says so: a host of it is reached at the simulator's address. */
function usesSimulator(estate: string): boolean {
  return readFileSync(estate, 'utf8').includes('env:SLIPWAY_SIMULATOR_URL');
}

/** Waits for all even when one fails: what still starts must be there to be stopped. */
async function all<const Work extends readonly Promise<unknown>[]>(
  work: Work,
): Promise<{ -readonly [Index in keyof Work]: Awaited<Work[Index]> }> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}

/** Who uses another goes first; so nobody loses what it still has to write. */
const stopOrder = [['api', 'issuer'], ['worker'], ['simulator', 'temporal'], ['postgres']];

async function stopInOrder(children: readonly Child[]): Promise<void> {
  for (const names of stopOrder) {
    await Promise.all(children.filter(({ name }) => names.includes(name)).map((child) => child.stop()));
  }
}

type Marks = Readonly<Record<string, ProcessMark>>;

function childrenFile(home: string): string {
  return join(home, 'children.json');
}

function noteChildren(home: string, children: readonly Child[]): void {
  const marks: Marks = Object.fromEntries(
    children.flatMap(({ name, mark }) => (mark === undefined ? [] : [[name, mark]])),
  );
  writeWhole(childrenFile(home), JSON.stringify(marks));
}

/** A supervisor that was killed could stop nobody: its children are ended before new ones open the same files. */
async function endLeftovers(home: string, report: (line: string) => void): Promise<void> {
  const marks = (readJsonFile(childrenFile(home)) as Marks | undefined) ?? {};
  for (const [name, mark] of Object.entries(marks).filter(([, left]) => isAlive(left))) {
    report(`ending the ${name} that a killed supervisor left (process ${mark.pid})`);
    await endLeftover(mark);
  }
}

function restarts({ workerRestartDelaysMs }: StartingAll): Pick<ChildPlan, 'restartDelaysMs'> {
  return workerRestartDelaysMs ? { restartDelaysMs: workerRestartDelaysMs } : {};
}
