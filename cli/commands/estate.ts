import type { Command } from 'commander';
import { showDevices, showHosts, showSites } from '../show/estate.js';
import { print } from '../show/text.js';
import { contextOf, example } from './context.js';

export function addEstateCommands(program: Command): void {
  const device = program.command('device').description('devices, as last seen');
  device
    .command('list')
    .description('devices by host and address, who holds them, and why they can or can’t be moved')
    .option('--site <site>', 'only of this site')
    .option('--host <host>', 'only of this host')
    .option('--vm <vm>', 'only those this VM holds')
    .option('--device <address>', 'only this address or alias')
    .option('--quarantined', 'only those in quarantine')
    .option('--limit <number>', 'so many at most', '200')
    .option('--cursor <cursor>', 'the page after')
    .addHelpText('after', example('device list --host kvm-01'))
    .action(async ({ quarantined, ...given }: DeviceOptions, command: Command) => {
      const { api, options } = contextOf(command);
      const { site, host, vm, device: address, limit, cursor } = given;
      const query = { site, host, vm, device: address, limit, cursor, quarantined: quarantined && 'true' };
      print(await api.devices(query), options, showDevices);
    });

  const host = program.command('host').description('hosts of the estate');
  host
    .command('list')
    .description('hosts with their VMs, and what they lack for passthrough')
    .option('--site <site>', 'only of this site')
    .addHelpText('after', example('host list -o yaml'))
    .action(async ({ site }: { site?: string }, command: Command) => {
      const { api, options } = contextOf(command);
      print(await api.hosts({ site }), options, showHosts);
    });
  addSite(program.command('site').description('sites, and the switch that holds everything on one'));
}

interface DeviceOptions {
  site?: string;
  host?: string;
  vm?: string;
  device?: string;
  quarantined?: true;
  limit: string;
  cursor?: string;
}

function addSite(site: Command): void {
  site
    .command('list')
    .description('sites, and which are on hold')
    .addHelpText('after', example('site list'))
    .action(async (_: object, command: Command) => {
      const { api, options } = contextOf(command);
      print(await api.sites(), options, ({ items }) => showSites(items));
    });
  site
    .command('hold <site>')
    .description('hold everything: running changes stop after their step, no other begins')
    .requiredOption('--reason <text>', 'shown to everybody who waits')
    .addHelpText('after', example("site hold lab --reason 'power works in the lab'"))
    .action(async (id: string, { reason }: { reason: string }, command: Command) => {
      const { api, options } = contextOf(command);
      print(await api.turnSite('hold', id, reason), options, (held) => showSites([held]));
    });
  site
    .command('release <site>')
    .description('let the changes of a site go on')
    .addHelpText('after', example('site release lab'))
    .action(async (id: string, _: object, command: Command) => {
      const { api, options } = contextOf(command);
      print(await api.turnSite('release', id), options, (released) => showSites([released]));
    });
}
