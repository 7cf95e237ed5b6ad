import type { StackAddresses } from './addresses.js';
import type { ChildPlan } from './child.js';
import { StackError } from './failure.js';
import { migrateRegister } from './migrate.js';
import type { StackOptions } from './options.js';
import { loopback } from './ports.js';
import { answersQueries, embeddedPostgres } from './postgres.js';
import { hasNamespace, prepareNamespace, temporalServer } from './temporal.js';

/** How a service starts its process, and whom it tells. */
export interface Starting {
  readonly start: (plan: ChildPlan, env?: Readonly<Record<string, string>>) => Promise<void>;
  readonly report: (line: string) => void;
}

/** The register's database, migrated: the one of DATABASE_URL, else an embedded one. */
export async function startRegister(
  options: StackOptions,
  binaries: string | null,
  port: number,
  { start, report }: Starting,
): Promise<StackAddresses['database']> {
  if (options.databaseUrl !== undefined) {
    const migratorUrl = options.databaseMigratorUrl ?? options.databaseUrl;
    if (!(await answersQueries(migratorUrl))) {
      throw new StackError('the Postgres of DATABASE_URL does not answer', [
        'start it, or correct the URL, its user and password',
        'or unset DATABASE_URL to have one embedded',
      ]);
    }
    report(`register: ${(await migrateRegister(migratorUrl)).length} migrations applied`);
    return { appUrl: options.databaseUrl, migratorUrl };
  }
  const embedded = embeddedPostgres({ home: options.home, port, binaries });
  await start(embedded.plan);
  await embedded.prepare();
  report(`register: ${(await migrateRegister(embedded.migratorUrl)).length} migrations applied`);
  return { appUrl: embedded.appUrl, migratorUrl: embedded.migratorUrl };
}

/** Temporal with our search attributes known: the one of TEMPORAL_ADDRESS, else the development server. */
export async function startTemporal(
  options: StackOptions,
  cli: string,
  [port, uiPort]: readonly [number, number],
  { start }: Starting,
): Promise<StackAddresses['temporal']> {
  const { temporalNamespace: namespace } = options;
  if (options.temporalAddress !== undefined) {
    const address = options.temporalAddress;
    if (!(await hasNamespace(address, namespace))) {
      throw new StackError(
        `Temporal at ${address} (TEMPORAL_ADDRESS) does not answer, or has no namespace "${namespace}"`,
        [
          'start it, or correct TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE',
          'or unset TEMPORAL_ADDRESS to have one embedded',
        ],
      );
    }
    await prepareNamespace(address, namespace, { setRetention: false });
    return {
      address,
      namespace,
      ...(options.temporalUiUrl !== undefined && { uiUrl: options.temporalUiUrl }),
    };
  }
  const address = `${loopback}:${port}`;
  await start(temporalServer({ cli, home: options.home, port, uiPort }));
  await prepareNamespace(address, namespace, { setRetention: true });
  return { address, namespace, uiUrl: `http://${loopback}:${uiPort}` };
}
