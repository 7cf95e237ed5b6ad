import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

/** `file:PATH` or `env:NAME`: where a secret lies. Only the reference itself is ever stored, logged or shown. */
export const referencePattern = /^(file:[^\0]*[^\0\s/]|env:[A-Za-z_]\w*)$/;
export const fileReferencePattern = /^file:[^\0]*[^\0\s/]$/;

export function isReference(text: string): boolean {
  return referencePattern.test(text);
}

/** What an adapter is given to follow the references of its host. */
export interface References {
  /** The secret itself: the variable's value, or the file's content without the white space around it. */
  valueOf(reference: string): string;
  /** For tools that want a file: its absolute path. Throws if it can't be read. */
  pathOf(reference: string): string;
}

/** Relative paths start at the estate file's directory. Only the worker calls this. */
export function referencesOf(baseDir: string, source: NodeJS.ProcessEnv = process.env): References {
  return {
    valueOf: (reference) => resolveReference(reference, baseDir, source),
    pathOf: (reference) => resolvePath(reference, baseDir),
  };
}

export function resolveReference(
  reference: string,
  baseDir: string,
  source: NodeJS.ProcessEnv = process.env,
): string {
  if (!isReference(reference))
    throw notResolved(reference, 'a reference file:PATH or env:NAME', 'something else');
  if (reference.startsWith('env:')) {
    const value = source[reference.slice('env:'.length)];
    if (value) return value;
    throw notResolved(
      reference,
      'a variable with a value',
      value === '' ? 'an empty one' : 'none of this name',
    );
  }
  return readFileSync(resolvePath(reference, baseDir), 'utf8').trim();
}

function resolvePath(reference: string, baseDir: string): string {
  if (!fileReferencePattern.test(reference))
    throw notResolved(reference, 'a reference file:PATH', 'something else');
  const path = resolve(baseDir, reference.slice('file:'.length));
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw notResolved(
      reference,
      'a file that can be read',
      (error as NodeJS.ErrnoException).code ?? 'none',
      path,
    );
  }
  if (!statSync(path).isFile()) throw notResolved(reference, 'a file', 'a directory or device', path);
  return path;
}

/** Names what was looked for, never what was found in it. */
function notResolved(reference: string, expected: string, actual: string, path?: string): Error {
  const known = isReference(reference) ? reference : 'a text that is no reference (not shown)';
  const looked = path ? ` (looked at ${path})` : '';
  return new Error(
    `the estate’s reference ${known}${looked}: expected ${expected}, found ${actual}; ` +
      'supply it to the worker or correct the reference in the estate file',
  );
}
