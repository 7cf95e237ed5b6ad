import type { NestExpressApplication } from '@nestjs/platform-express';
import { type ApiEnv, readApiEnv } from '../config/env.js';
import { readEstate } from '../config/estate.js';
import { createApi } from './app.js';
import { readDecisionKey } from './reviews/decision-key.js';

/** The API process: reads its environment once, listens, and ends on SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const env = readApiEnv();
  const parts = { env, estate: readEstate(env.estatePath), decisionKey: readDecisionKey(env) };
  const app = await createApi(parts);
  await listen(app, env);
  app.flushLogs();
}

async function listen(app: NestExpressApplication, { port, host }: ApiEnv): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(
      `port ${port} of ${host} is taken; end what listens there, or choose another SLIPWAY_API_PORT`,
      {
        cause: error,
      },
    );
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`slipway api: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
