import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { readApiEnv, readMigratorEnv, readWorkerEnv } from '../../config/env.js';
import { checkout } from '../../stack/places.js';

const example = Object.fromEntries(
  readFileSync(join(checkout, 'compose.env.example'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const match = /^([A-Z_]+)=(.*)$/.exec(line);
      return match ? [[match[1] ?? '', match[2] ?? '']] : [];
    }),
);

interface Service {
  environment?: Record<string, string>;
  ports?: string[];
}
const { services } = parse(readFileSync(join(checkout, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  services: Record<string, Service>;
};

/** What compose hands a process: its names, with the values of the example. */
function environmentOf(service: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(services[service]?.environment ?? {}).map(([name, value]) => [
      name,
      value.replace(
        /\$\{(\w+)(?::[-?]([^}]*))?\}/g,
        (_, key: string, other: string | undefined) => example[key] ?? other ?? '',
      ),
    ]),
  );
}

describe('the compose file', () => {
  it('hands every process an environment that it takes, else it ends at its start', () => {
    expect(readApiEnv(environmentOf('api'))).toMatchObject({
      port: 7080,
      temporal: { address: 'temporal:7233' },
    });
    expect(readWorkerEnv(environmentOf('worker'))).toMatchObject({
      healthPort: 7082,
      redisUrl: 'redis://redis:6379',
    });
    expect(readMigratorEnv(environmentOf('migrate')).databaseUrl).toContain('slipway_migrator');
  });

  it('keeps from the api what is the worker’s or the migrator’s', () => {
    const names = Object.keys(environmentOf('api')).join(' ');
    expect(names).not.toMatch(/MIGRATOR|CHECKPOINT|SITES|PUBLIC_KEY/);
    expect(Object.keys(environmentOf('worker')).join(' ')).not.toMatch(/MIGRATOR|PRIVATE_KEY/);
  });

  it('publishes nothing but on loopback', () => {
    const published = Object.values(services).flatMap(({ ports = [] }) => ports);
    expect(published.length).toBeGreaterThan(0);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('takes the passwords of its roles and of the URLs from one file that agrees with itself', () => {
    expect(example['DATABASE_URL']).toContain(`:${example['REGISTER_APP_PASSWORD']}@`);
    expect(example['DATABASE_MIGRATOR_URL']).toContain(`:${example['REGISTER_MIGRATOR_PASSWORD']}@`);
  });
});
