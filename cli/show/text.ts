import { stringify } from 'yaml';
import type { GlobalOptions } from '../settings.js';

/** Text of others as it may be shown in a terminal: what would move the cursor or turn the text is made visible. */
export function plain(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (sign) => `\\u${sign.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}

/** Rows under headings, each column as wide as its widest cell. */
export function table(headings: string[], rows: (string | number | null | undefined)[][]): string {
  const cells = [headings, ...rows.map((row) => row.map((cell) => plain(String(cell ?? '-'))))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Lines `name: value`, the values in one column; what has none is left out. */
export function pairs(values: [string, string | number | boolean | null | undefined][]): string {
  const given = values.filter(([, value]) => value !== null && value !== undefined && value !== '');
  const width = Math.max(0, ...given.map(([name]) => name.length)) + 1;
  return given.map(([name, value]) => `${`${name}:`.padEnd(width)} ${plain(String(value))}`).join('\n');
}

export function indent(text: string, by = '  '): string {
  return text
    .split('\n')
    .map((line) => by + line)
    .join('\n');
}

/** The API's own answer as a document, or what `show` makes of it for people. */
export function print<T>(value: T, { output }: GlobalOptions, show: (value: T) => string): void {
  const text = {
    json: () => JSON.stringify(value, null, 2),
    yaml: () => stringify(value).trimEnd(),
    table: () => show(value),
  }[output]();
  process.stdout.write(`${text}\n`);
}
