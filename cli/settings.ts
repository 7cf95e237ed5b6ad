import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CliError, Exit } from './exit.js';

/** What `npm start` leaves for its clients; only the parts the CLI reads. */
interface StackFile {
  apiUrl: string;
  issuer: { url: string; clientId: string; grantType: string; secretFile?: string };
}

interface CachedToken {
  apiUrl: string;
  person: string;
  token: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

export interface GlobalOptions {
  api?: string;
  as?: string;
  output: 'table' | 'json' | 'yaml';
}

/** Where the API is and who speaks: from options, then the environment, then the stack that runs on this machine. */
export class Settings {
  private readonly home: string;

  constructor(
    private readonly options: GlobalOptions,
    private readonly environment: Environment,
  ) {
    this.home = resolve(environment['SLIPWAY_HOME'] || join(checkout(), '.slipway'));
  }

  get apiUrl(): string {
    const given = this.options.api || this.environment['SLIPWAY_API_URL'] || this.stack()?.apiUrl;
    if (!given) {
      throw new CliError(
        'no API is known',
        'start one with `npm start`, or name it: --api URL or SLIPWAY_API_URL',
        Exit.usage,
      );
    }
    if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)) {
      throw new CliError(
        `the API's URL is none: ${given}`,
        'expected http://HOST:PORT or https://HOST',
        Exit.usage,
      );
    }
    return given.replace(/\/$/, '');
  }

  /** The token to send: of --as, of the environment, or the one that `slipway token` kept for this API. */
  async token(): Promise<string> {
    if (this.options.as) return this.freshToken(this.options.as);
    const given = this.environment['SLIPWAY_TOKEN'];
    if (given) return given;
    const cached = this.cached();
    if (cached?.apiUrl === this.apiUrl && cached.expiresAt > Date.now()) return cached.token;
    const why = cached?.apiUrl === this.apiUrl ? `the token of ${cached.person} has expired` : 'no token';
    throw new CliError(
      why,
      'get one: `slipway token --as NAME` (local issuer), or set SLIPWAY_TOKEN',
      Exit.denied,
    );
  }

  /** Asks the local issuer for a person's token. There is no such way with any other issuer. */
  async freshToken(person: string): Promise<string> {
    return (await this.ask(person)).token;
  }

  /** As `freshToken`, and keeps it for the commands to come, readable by its owner only. */
  async keepToken(person: string): Promise<CachedToken> {
    const { token, seconds } = await this.ask(person);
    const cached = { apiUrl: this.apiUrl, person, token, expiresAt: Date.now() + (seconds - 30) * 1000 };
    mkdirSync(dirname(this.cacheFile), { recursive: true, mode: 0o700 });
    writeFileSync(this.cacheFile, `${JSON.stringify(cached)}\n`, { mode: 0o600 });
    return cached;
  }

  private async ask(person: string): Promise<{ token: string; seconds: number }> {
    const issuer = this.stack()?.issuer;
    if (!issuer?.secretFile) {
      throw new CliError(
        'there is no local issuer here',
        'it comes with `npm start`; elsewhere get a token from your identity provider and set SLIPWAY_TOKEN',
        Exit.usage,
      );
    }
    if (this.apiUrl !== this.stack()?.apiUrl) {
      throw new CliError(
        `${this.apiUrl} is not the API of the local issuer`,
        'leave --api and SLIPWAY_API_URL out, or set SLIPWAY_TOKEN',
        Exit.usage,
      );
    }
    const body = new URLSearchParams({
      grant_type: issuer.grantType,
      client_id: issuer.clientId,
      person,
      secret: readFileSync(issuer.secretFile, 'utf8').trim(),
    });
    const response = await fetch(`${issuer.url}/token`, { method: 'POST', body }).catch(() => null);
    const answer = (await response?.json().catch(() => null)) as {
      access_token?: string;
      expires_in?: number;
      error_description?: string;
    } | null;
    if (answer?.access_token) return { token: answer.access_token, seconds: answer.expires_in ?? 300 };
    throw new CliError(
      `no token for ${person}: ${answer?.error_description ?? `${issuer.url} does not answer`}`,
      'use a name of the people the local issuer knows',
      Exit.denied,
    );
  }

  private stack(): StackFile | undefined {
    return readJson<StackFile>(join(this.home, 'stack.json'));
  }

  private cached(): CachedToken | undefined {
    return readJson<CachedToken>(this.cacheFile);
  }

  private get cacheFile(): string {
    return join(this.home, 'cli', 'token.json');
  }
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

/** The checkout this file is in, compiled or not. */
function checkout(): string {
  const folder = dirname(dirname(fileURLToPath(import.meta.url)));
  return folder.endsWith('dist') ? dirname(folder) : folder;
}
