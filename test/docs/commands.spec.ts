import { Command } from 'commander';
import { describe, expect, it } from '@jest/globals';
import { addAuditCommands } from '../../cli/commands/audit.js';
import { addChangeCommands } from '../../cli/commands/change.js';
import { addEstateCommands } from '../../cli/commands/estate.js';
import { addReviewCommands } from '../../cli/commands/review.js';
import { addTokenCommands } from '../../cli/commands/token.js';
import { Exit } from '../../cli/exit.js';
import { reasons } from '../../domain/failures.js';
import { page, pages } from './pages.js';

const program = new Command('slipway');
addAuditCommands(program);
addChangeCommands(program);
addEstateCommands(program);
addReviewCommands(program);
addTokenCommands(program);

/** Options which the whole program takes. */
const everywhere = ['--help', '--as', '--api', '--output', '-o'];

/** What is wrong with `change list --inbox` as somebody would type it; null if the CLI knows it. */
function wrongWith(line: string): string | null {
  const words = line.split(/\s+/).filter(Boolean);
  const [noun, verb] = words.filter((word) => /^[a-z]/.test(word));
  const top = program.commands.find((one) => one.name() === noun);
  const command = top?.commands.length ? top.commands.find((one) => one.name() === verb) : top;
  if (!command) return `no such command: ${line}`;
  const known = command.options.flatMap(({ long, short }) => [long, short]);
  const unknown = words.filter((word) => /^--?[a-z]/.test(word) && ![...known, ...everywhere].includes(word));
  return unknown.length > 0 ? `${command.name()} has no ${unknown.join(', ')}: ${line}` : null;
}

/** Lines of `slipway …` in a text, up to the end of the code they stand in. */
function typedIn(text: string): string[] {
  const lines = [...text.matchAll(/(?:`|^|\$ |npx )slipway (?=[a-z])([^`\n#|]+)/gm)].map(
    ([, line = '']) => line,
  );
  return lines.map((line) => line.replace(/'[^']*'|"[^"]*"/g, 'TEXT').trim());
}

/** First cells of a table: `change get\\|list CHANGE` stands for two commands. */
function tabled(text: string): string[] {
  const cells = [...text.matchAll(/^\| (`.+?`) \| /gm)].map(([, cell = '']) => cell.replaceAll('\\|', '|'));
  const codes = cells.flatMap((cell) => [...cell.matchAll(/`([a-z][^`]*)`/g)].map(([, code = '']) => code));
  return codes.flatMap((code) => {
    const [noun = '', verbs = '', ...rest] = code.replace(/^slipway /, '').split(' ');
    return verbs.split('|').map((verb) => [noun, verb, ...rest].join(' ').replace(/\[|\]/g, ''));
  });
}

const commands = (of: Command): string[] =>
  of.commands.flatMap((one) =>
    one.commands.length ? one.commands.map((sub) => `${one.name()} ${sub.name()}`) : [one.name()],
  );

describe('commands of slipway', () => {
  it.each(pages().map(({ path, text }) => [path, text] as const))(
    'that %s names exist, with their options',
    (_, text) => {
      expect(typedIn(text).map(wrongWith).filter(Boolean)).toEqual([]);
    },
  );

  it('that a remedy names exist', () => {
    const remedies = Object.values(reasons).map(({ remedy }) => remedy);
    expect(remedies.flatMap(typedIn).map(wrongWith).filter(Boolean)).toEqual([]);
  });

  it('are all in the table of docs/cli.md, and nothing else is', () => {
    const told = tabled(page('docs/cli.md').text);
    expect(told.map(wrongWith).filter(Boolean)).toEqual([]);
    expect(
      commands(program).filter((name) => !told.some((line) => `${line} `.startsWith(`${name} `))),
    ).toEqual([]);
  });

  it('have their exit codes in docs/cli.md', () => {
    const told = [...page('docs/cli.md').text.matchAll(/^\| (\d) \|/gm)].map(([, code]) => Number(code));
    expect(told).toEqual(Object.values(Exit).toSorted());
  });
});
