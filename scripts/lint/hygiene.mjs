// What has no place in the repository, wherever it hides: paths of one machine, addresses of package registries, …
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../setup/places.mjs';

// Written in pieces, so that this file does not find itself.
const registries = [
  'registry[.]npm' + 'js',
  'py' + 'pi[.]org',
  'python' + 'hosted',
  'proxy[.]golang' + '[.]org',
  'deb[.]debian' + '[.]org',
  'crates' + '[.]io',
  'repo1?[.]maven',
];

const rules = [
  {
    name: 'a path of one machine',
    pattern: new RegExp(
      '/wo' + 'rk/(main|shared|scratch|steering)|/Us' + 'ers/\\w+/|/ho' + 'me/(?!slipway\\b|user\\b)\\w+/',
    ),
  },
  { name: 'the address of a package registry', pattern: new RegExp(registries.join('|')) },
  {
    name: 'a test that is skipped or alone',
    pattern: new RegExp('\\b(it|test|describe)[.](on' + 'ly|sk' + 'ip|to' + 'do)\\b'),
    in: /^test\//,
  },
  {
    name: 'a module of ours replaced by a mock',
    pattern: new RegExp('jest[.](unstable_)?mo' + 'ck(Module)?\\([\'"][.]'),
    in: /^test\//,
  },
  {
    name: 'a sleep in a test',
    pattern: new RegExp('set' + 'Timeout\\([^,]*, *\\d{3,}|\\bsl' + 'eep\\(\\d{3,}'),
    in: /^test\//,
  },
  {
    name: 'an unfinished mark',
    pattern: new RegExp('\\b(TO' + 'DO|FIX' + 'ME|X' + 'XX|HA' + 'CK)\\b'),
    in: /\.(ts|mjs|cjs|js|py|ps1|sh|yml|yaml)$/,
  },
  {
    name: 'a private key',
    pattern: new RegExp('-----BEGIN [A-Z ]*PRIVATE' + ' KEY-----\\n[A-Za-z0-9+/]{16}'),
  },
];
const notText = /\.(png|jpg|ico|gz|zst|bin|qcow2|woff2?)$|^package-lock\.json$/;
/** The one file that may skip a test, with its reason. */
const skipper = 'test/support/when.ts';

/** What is wrong with one file, a line for each. */
export function problemsOf(path, text) {
  return rules.flatMap((rule) => {
    if (rule.in !== undefined && !rule.in.test(path)) return [];
    if (path === skipper && rule.name.startsWith('a test')) return [];
    const found = rule.pattern.exec(text);
    if (found === null) return [];
    const line = text.slice(0, found.index).split('\n').length;
    return [`${path}:${line}: ${rule.name}: ${JSON.stringify(found[0])}`];
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  const problems = list
    .split('\n')
    .filter((path) => path !== '' && !notText.test(path) && existsSync(join(root, path)))
    .flatMap((path) => problemsOf(path, readFileSync(join(root, path), 'utf8')));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
