import { readApiEnv } from '../config/env.js';
import { createApi } from './app.js';
import { readEstateNames } from './estate-names.js';

/** The API process: reads its environment once, listens, and ends on SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const env = readApiEnv();
  const estate = readEstateNames(env.estatePath);
  const app = await createApi({ env, estate });
  await app.listen(env.port, env.host);
  app.flushLogs();
}

main().catch((error: unknown) => {
  process.stderr.write(`slipway api: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
