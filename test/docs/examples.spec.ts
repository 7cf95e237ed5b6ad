import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { parse } from 'yaml';
import { ChangeRequestDto } from '../../api/changes/change-request.dto.js';
import { parseEstate, readEstate } from '../../config/estate.js';
import { fenced, page, pages, root } from './pages.js';

const folder = join(root, 'docs', 'examples');
const requests = readdirSync(folder).filter((name) => name !== 'estate.yaml');

/** The request as the API's own rules see it. */
function problemsOf(name: string): string[] {
  const body = plainToInstance(ChangeRequestDto, parse(readFileSync(join(folder, name), 'utf8')), {
    exposeDefaultValues: true,
  });
  return validateSync(body, { whitelist: true, forbidNonWhitelisted: true }).map((error) => error.toString());
}

describe('the examples', () => {
  it.each(requests)('%s is a request that the API takes', (name) => {
    expect(problemsOf(name)).toEqual([]);
  });

  it('name a host, a device and a VM of the simulated estate', () => {
    const estate = readEstate(join(root, 'lab', 'simulated', 'estate.yaml'));
    const named = requests.map(
      (name) => parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>,
    );
    for (const { host, vm, devices } of named) {
      expect(estate.hosts.map(({ id }) => id)).toContain(host);
      expect(Object.keys(estate.guests)).toContain(vm);
      for (const { alias } of devices as { alias: string }[]) expect(estate.aliases[alias]?.host).toBe(host);
    }
  });

  it('hold an estate that can be read', () => {
    expect(readEstate(join(folder, 'estate.yaml')).hosts).toHaveLength(1);
  });

  it('in the README hold an estate that can be read', () => {
    expect(parseEstate(fenced(page('README.md'), 'yaml') ?? '').hosts).toHaveLength(1);
  });

  it('are all named on a page', () => {
    const text = pages()
      .map((one) => one.text)
      .join('\n');
    expect(readdirSync(folder).filter((name) => !text.includes(`examples/${name}`))).toEqual([]);
  });
});
