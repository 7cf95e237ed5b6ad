import { type DynamicModule, Global, Injectable, Module } from '@nestjs/common';
import { listHosts } from '../records/estate-view.js';
import { Register } from './register.module.js';

/** What the API knows of the estate: names and places. How to log in anywhere is none of its business. */
export interface EstateNames {
  sites: { id: string; hosts: { id: string; aliases: Record<string, string> }[] }[];
}

@Injectable()
export class EstateDirectory {
  constructor(
    private readonly names: EstateNames,
    private readonly register: Register,
  ) {}

  /** The site of a host: by the estate file, or as discovered behind a site's manager. Null: there is no such host. */
  async siteOf(host: string): Promise<string | null> {
    const configured = this.names.sites.find((site) => site.hosts.some((one) => one.id === host));
    if (configured) return configured.id;
    const discovered = await listHosts(this.register.db);
    return discovered.find((one) => one.id === host && this.hasSite(one.site))?.site ?? null;
  }

  addressOf(host: string, alias: string): string | null {
    const found = this.names.sites.flatMap((site) => site.hosts).find((one) => one.id === host);
    return found && Object.hasOwn(found.aliases, alias) ? found.aliases[alias]! : null;
  }

  hasSite(id: string): boolean {
    return this.names.sites.some((site) => site.id === id);
  }

  /** Hosts the estate names, with their sites. */
  hosts(): { id: string; site: string; aliases: Record<string, string> }[] {
    return this.names.sites.flatMap((site) => site.hosts.map((host) => ({ ...host, site: site.id })));
  }

  sites(): string[] {
    return this.names.sites.map((site) => site.id);
  }
}

@Global()
@Module({})
export class EstateModule {
  static with(names: EstateNames): DynamicModule {
    return {
      module: EstateModule,
      providers: [
        {
          provide: EstateDirectory,
          useFactory: (register: Register) => new EstateDirectory(names, register),
          inject: [Register],
        },
      ],
      exports: [EstateDirectory],
    };
  }
}
