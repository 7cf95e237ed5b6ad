import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { EstateNames } from './estate.module.js';

interface EstateFile {
  sites: { id: string; hosts?: { id: string; aliases?: Record<string, string> }[] }[];
}

export function readEstateNames(path: string): EstateNames {
  const { sites } = parse(readFileSync(path, 'utf8')) as EstateFile;
  return {
    sites: sites.map((site) => ({
      id: site.id,
      hosts: (site.hosts ?? []).map(({ id, aliases = {} }) => ({ id, aliases })),
    })),
  };
}
