import { type DynamicModule, Global, Injectable, Module } from '@nestjs/common';
import { listHosts } from '../records/estate-view.js';
import { Register } from './register.module.js';

/** What the API knows of the estate: names and places. How to log in anywhere is none of its business. */
export interface EstateNames {
  readonly sites: readonly { readonly id: string }[];
  readonly hosts: readonly EstateHostName[];
  /** By alias: the address it stands for, and on which host. */
  readonly aliases: Readonly<Record<string, { readonly host: string; readonly address: string }>>;
}

export interface EstateHostName {
  readonly id: string;
  readonly site: string;
}

@Injectable()
export class EstateDirectory {
  constructor(
    private readonly names: EstateNames,
    private readonly register: Register,
  ) {}

  get hosts(): readonly EstateHostName[] {
    return this.names.hosts;
  }

  get sites(): readonly string[] {
    return this.names.sites.map(({ id }) => id);
  }

  /** The site of a host: by the estate file, or as discovered behind a site's manager. Null: there is no such host. */
  async siteOf(host: string): Promise<string | null> {
    const configured = this.names.hosts.find((one) => one.id === host);
    if (configured) return configured.site;
    const discovered = await listHosts(this.register.db);
    return discovered.find((one) => one.id === host && this.sites.includes(one.site))?.site ?? null;
  }

  addressOf(host: string, alias: string): string | null {
    const found = Object.hasOwn(this.names.aliases, alias) ? this.names.aliases[alias] : undefined;
    return found?.host === host ? found.address : null;
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
