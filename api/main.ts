import { readApiEnv } from '../config/env.js';
import { readEstate } from '../config/estate.js';
import { createApi } from './app.js';

/** The API process: reads its environment once, listens, and ends on SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const env = readApiEnv();
  const app = await createApi({ env, estate: readEstate(env.estatePath) });
  await app.listen(env.port, env.host);
  app.flushLogs();
}

main().catch((error: unknown) => {
  process.stderr.write(`slipway api: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
