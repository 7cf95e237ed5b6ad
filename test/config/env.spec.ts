import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { EnvError, readApiEnv, readMigratorEnv, readWorkerEnv } from '../../config/env.js';
import { ApiNames, MigratorNames, WorkerNames, knownNames } from '../../config/env-names.js';

const every = {
  DATABASE_URL: 'postgres://app:hush-hush@127.0.0.1:5432/slipway',
  TEMPORAL_ADDRESS: '127.0.0.1:7233',
  SLIPWAY_ESTATE: 'estate.yaml',
};
const api = {
  ...every,
  OIDC_ISSUER: 'http://127.0.0.1:7081',
  SLIPWAY_DECISION_PRIVATE_KEY: 'file:keys/decision',
};
const worker = {
  ...every,
  SLIPWAY_DECISION_PUBLIC_KEY: 'file:keys/decision.pub',
  SLIPWAY_CHECKPOINT_KEY: 'env:CHECKPOINT',
};

function problemsOf(read: () => unknown): EnvError {
  try {
    read();
  } catch (error) {
    if (error instanceof EnvError) return error;
    throw error;
  }
  throw new Error('the environment was accepted');
}

describe('the environment', () => {
  it('gives each process its view with defaults that listen on loopback only', () => {
    expect(readApiEnv(api)).toMatchObject({
      host: '127.0.0.1',
      port: 7080,
      temporal: { address: '127.0.0.1:7233', namespace: 'default' },
      oidc: { audience: 'slipway' },
      logLevel: 'info',
    });
    expect(readWorkerEnv({ ...worker, SLIPWAY_SITES: 'lab, vc' })).toMatchObject({ sites: ['lab', 'vc'] });
    expect(readWorkerEnv(worker).sites).toBeUndefined();
    expect(readMigratorEnv({ DATABASE_MIGRATOR_URL: every.DATABASE_URL })).toEqual({
      databaseUrl: every.DATABASE_URL,
    });
  });

  it('cannot be changed after it was read', () => {
    const env = readApiEnv(api);
    expect(() => Object.assign(env, { port: 1 })).toThrow(TypeError);
    expect(() => Object.assign(env.oidc, { issuer: 'http://elsewhere' })).toThrow(TypeError);
  });

  it('names every bad name at once, with what was expected and what to do', () => {
    const error = problemsOf(() =>
      readApiEnv({ ...api, SLIPWAY_API_PORT: '99999', OIDC_ISSUER: 'nonsense' }),
    );
    expect(error.problems.map((problem) => problem.name).sort()).toEqual(['OIDC_ISSUER', 'SLIPWAY_API_PORT']);
    for (const problem of error.problems)
      expect(Object.values(problem).every((text) => text.length > 0)).toBe(true);
    expect(error.message).toContain('"99999"');
  });

  it('calls a missing and an empty name missing', () => {
    for (const SLIPWAY_ESTATE of [undefined, '']) {
      const error = problemsOf(() => readWorkerEnv({ ...worker, SLIPWAY_ESTATE }));
      expect(error.problems).toMatchObject([{ name: 'SLIPWAY_ESTATE', actual: 'nothing' }]);
    }
  });

  it('refuses a mistyped name of ours instead of serving every site in silence', () => {
    const error = problemsOf(() => readWorkerEnv({ ...worker, SLIPWAY_SITE: 'lab' }));
    expect(error.problems).toMatchObject([{ name: 'SLIPWAY_SITE' }]);
  });

  it('refuses a key written into the environment in place of its reference', () => {
    const error = problemsOf(() =>
      readApiEnv({ ...api, SLIPWAY_DECISION_PRIVATE_KEY: '-----BEGIN PRIVATE KEY-----' }),
    );
    expect(error.problems).toMatchObject([{ name: 'SLIPWAY_DECISION_PRIVATE_KEY' }]);
  });

  it('prints no password of a bad URL', () => {
    const error = problemsOf(() => readApiEnv({ ...api, DATABASE_URL: 'mysql://app:hush-hush@db/slipway' }));
    expect(error.message).toContain('mysql://app:***@db');
    expect(error.message).not.toContain('hush-hush');
  });

  it('keeps what reaches hosts out of the api: no site, no checkpoint key, no failpoint in its view', () => {
    const full = { ...api, ...worker, SLIPWAY_SITES: 'lab' };
    expect(JSON.stringify(readApiEnv(full))).not.toMatch(/CHECKPOINT|lab/);
  });

  it('lists every name it reads in compose.env.example, where operators look', () => {
    const example = readFileSync(
      fileURLToPath(new URL('../../compose.env.example', import.meta.url)),
      'utf8',
    );
    const read = [new ApiNames(), new WorkerNames(), new MigratorNames()].flatMap((names) =>
      Object.keys(names),
    );
    for (const name of new Set(read)) {
      expect(knownNames).toContain(name);
      expect(example).toMatch(new RegExp(`^#? ?${name}=`, 'm'));
    }
  });
});
