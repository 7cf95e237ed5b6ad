import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { dirname } from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { readEstate, resolveReference } from '../config/estate.js';
import type { WorkerEnv } from '../config/env.js';
import type { Dependencies } from '../activities/index.js';
import { openRegister, type Register } from '../records/database.js';
import { hostWasActedOn } from '../records/steps.js';
import { HealthServer } from './health.js';
import { Hosts } from './hosts.js';
import { Closing } from './closing.js';
import { Reconciliation } from './reconciliation.js';
import { Sweeps } from './sweeps.js';
import { TemporalWorkers } from './temporal-worker.js';

/** One process: register, hosts, Temporal workers, sweeps and health. What is built last is stopped first. */
@Module({})
export class WorkerModule {
  static with(env: WorkerEnv, fatal: (error: unknown) => void): DynamicModule {
    const register = openRegister(env.databaseUrl, { applicationName: 'slipway-worker' });
    const hosts = new Hosts(readEstate(env.estatePath), env.estatePath, env.sites, (host) => ({
      isKnownHost: () => hostWasActedOn(register.db, host),
      ...(env.fault ? { faults: [{ ...env.fault, times: Infinity }] } : {}),
    }));
    const reconciliation = new Reconciliation(register, hosts);
    const sweeps = new Sweeps(env, register, hosts, reconciliation, checkpointKeyOf(env));
    const workers = new TemporalWorkers(
      env,
      dependenciesOf(env, register, hosts, (host) => sweeps.scanSoon(host)),
      hosts.servedSites,
      reconciliation,
      fatal,
    );
    return {
      module: WorkerModule,
      providers: [
        { provide: Closing, useValue: new Closing([register, hosts]) },
        { provide: TemporalWorkers, useValue: workers },
        { provide: Sweeps, useValue: sweeps },
        { provide: HealthServer, useValue: new HealthServer(env.healthPort, () => workers.healthy) },
      ],
    };
  }
}

function checkpointKeyOf(env: WorkerEnv): KeyObject {
  return createPrivateKey(resolveReference(env.checkpointKey, dirname(env.estatePath)));
}

/** What activities are given; the benchmark gives its bare workflows' activities the same. */
export function dependenciesOf(
  env: WorkerEnv,
  register: Register,
  hosts: Hosts,
  lookAgain: (host: string) => void = () => undefined,
): Dependencies {
  return {
    register,
    hypervisorOf: (host) => hosts.hypervisorOf(host),
    guestOf: (vm) => hosts.guestOf(vm),
    aliasesOn: (host) => hosts.aliasesOn(host),
    lookAgain,
    decisionKey: createPublicKey(resolveReference(env.decisionPublicKey, dirname(env.estatePath))),
  };
}
