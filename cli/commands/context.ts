import type { Command } from 'commander';
import { ApiClient } from '../client.js';
import { type GlobalOptions, Settings } from '../settings.js';

/** What every command needs: how to print, and the API as whoever speaks. */
export interface Context {
  options: GlobalOptions;
  settings: Settings;
  api: ApiClient;
}

export function contextOf(command: Command): Context {
  const options = globalOptionsOf(command);
  const settings = new Settings(options, process.env);
  let token: Promise<string> | undefined;
  return {
    options,
    settings,
    get api() {
      return new ApiClient(settings.apiUrl, () => (token ??= settings.token()));
    },
  };
}

/** Options of the whole program may stand before or behind the command; the one nearest to the end of the line wins. */
function globalOptionsOf(command: Command): GlobalOptions {
  const api = given<string>(command, 'api');
  const as = given<string>(command, 'as');
  const output = given<GlobalOptions['output']>(command, 'output') ?? 'table';
  return { output, ...(api ? { api } : {}), ...(as ? { as } : {}) };
}

function given<T>(command: Command | null, name: string): T | undefined {
  if (!command) return undefined;
  const isDefault = command.getOptionValueSource(name) === 'default';
  return (
    (isDefault ? undefined : (command.getOptionValue(name) as T | undefined)) ?? given(command.parent, name)
  );
}

/** An example under a command's help, as it would be typed. */
export function example(...lines: string[]): string {
  return `\nExample:\n${lines.map((line) => `  $ slipway ${line}`).join('\n')}`;
}
