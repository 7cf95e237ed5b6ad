import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';

/** The SDK's runtime, silent but for errors: tests provoke what it would warn of. */
export function quietRuntime(): void {
  const filter = makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' });
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { forward: {}, filter } },
    shutdownSignals: [],
  });
}

/** Without it the process would never end by itself. */
export async function endRuntime(): Promise<void> {
  await Runtime.instance().shutdown();
}
