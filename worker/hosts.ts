import { dirname } from 'node:path';
import {
  defaultPatienceSeconds,
  type Estate,
  type EstateGuest,
  type EstateHost,
  referencesOf,
} from '../config/estate.js';
import { failure, SlipwayError } from '../domain/failures.js';
import type { Hypervisor } from '../domain/hypervisor.js';
import { createHypervisor, type Surroundings } from '../hypervisors/registry.js';

/** The hosts this worker serves, each with one hypervisor that is made when it is first needed. Credentials stay in here. */
export class Hosts {
  private readonly made = new Map<string, Hypervisor>();

  constructor(
    private readonly estate: Estate,
    private readonly estatePath: string,
    private readonly sites: readonly string[] | undefined,
    private readonly surroundings: (host: string) => Surroundings = () => ({}),
  ) {}

  get served(): { host: string; site: string }[] {
    return this.hosts.map((host) => ({ host: host.id, site: host.site }));
  }

  /** Not in the estate at all; one of a site that another worker serves was not removed. */
  wasRemoved(id: string): boolean {
    return !this.estate.hosts.some((host) => host.id === id);
  }

  get servedSites(): string[] {
    return [...new Set(this.hosts.map((host) => host.site))];
  }

  hypervisorOf(id: string): Hypervisor {
    const made = this.made.get(id);
    if (made) return made;
    const host = this.hosts.find((one) => one.id === id);
    if (!host) {
      const known = this.hosts.map((one) => one.id).join(', ');
      throw new SlipwayError(
        failure('host-unknown', { where: { host: id }, expected: `one of: ${known || 'none'}` }),
      );
    }
    const hypervisor = createHypervisor(host, referencesOf(dirname(this.estatePath)), this.surroundings(id));
    this.made.set(id, hypervisor);
    return hypervisor;
  }

  guestOf(vm: string): EstateGuest {
    return this.estate.guests[vm] ?? { probe: 'none', patienceSeconds: defaultPatienceSeconds };
  }

  aliasesOn(host: string): Record<string, string> {
    const aliases = Object.entries(this.estate.aliases).filter(([, device]) => device.host === host);
    return Object.fromEntries(aliases.map(([alias, device]) => [device.address, alias]));
  }

  async close(): Promise<void> {
    await Promise.all([...this.made.values()].map((hypervisor) => hypervisor.close()));
    this.made.clear();
  }

  private get hosts(): readonly EstateHost[] {
    return this.estate.hosts.filter((host) => this.sites === undefined || this.sites.includes(host.site));
  }
}
