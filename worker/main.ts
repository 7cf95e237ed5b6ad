import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Runtime } from '@temporalio/worker';
import { armFailpoints } from '../activities/failpoint.js';
import { readWorkerEnv } from '../config/env.js';
import { WorkerModule } from './worker.module.js';

const log = new Logger('worker');

function fatal(error: unknown): void {
  log.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
  process.exit();
}

async function main(): Promise<void> {
  const env = readWorkerEnv();
  armFailpoints(env.failpoint);
  // Nest owns the signals; two owners would stop everything twice.
  Runtime.install({ shutdownSignals: [] });
  const app = await NestFactory.createApplicationContext(WorkerModule.with(env, fatal), {
    abortOnError: false,
    logger: ['error', 'warn', 'log'],
  });
  app.enableShutdownHooks();
  log.log('ready');
}

main().catch(fatal);
