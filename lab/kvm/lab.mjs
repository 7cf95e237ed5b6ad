#!/usr/bin/env node
// npm run lab:kvm -- up|down|status|ssh|reset|bake
import { parseArgs } from 'node:util';
import { instance } from './instance.mjs';
import { down, facts, reset, status, up } from './kvm-lab.mjs';
import { explain, startProgress } from './progress.mjs';
import { LabError } from './process.mjs';
import { sshInteractive } from './ssh.mjs';

const help = `The KVM lab: an emulated host with a real libvirt, real VFIO, three guests and devices to hand over.

  npm run lab:kvm -- up [--name NAME] [--topology NAME] [--port N] [--cold] [--no-guests] [--json]
  npm run lab:kvm -- down [--name NAME]
  npm run lab:kvm -- status [--name NAME] [--json]
  npm run lab:kvm -- ssh [--name NAME] [-- COMMAND [ARGUMENT ...]]
  npm run lab:kvm -- reset [--name NAME]
  npm run lab:kvm -- bake [--topology NAME] [--force]

  --name      several labs can run at once; the default is called "default"
  --topology  default, iommu-off, amd-iommu (files in lab/kvm/topologies)
  --port      loopback port for ssh; a free one is chosen otherwise
  --cold      boot the host and the guests instead of restoring the baked state
  --json      print the facts of the lab (also in .slipway/lab/NAME/lab.json)

Example:
  npm run lab:kvm -- up
  npm run lab:kvm -- ssh -- virsh list --all
  npm start -- --estate .slipway/lab/default/estate.yaml
`;

const options = {
  name: { type: 'string', default: 'default' },
  topology: { type: 'string' },
  port: { type: 'string' },
  cold: { type: 'boolean', default: false },
  'no-guests': { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
};

const commands = {
  async up(given) {
    print(given, await up(startOptions(given)));
  },
  async reset(given) {
    print(given, await reset(startOptions(given)));
  },
  async down({ name }) {
    process.stdout.write((await down(name)) ? `lab ${name} is down\n` : `lab ${name} was not up\n`);
  },
  async status(given) {
    const found = await status(given.name);
    if (given.json) process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
    else
      process.stdout.write(`lab ${given.name}: ${found.state}\n${found.facts ? summary(found.facts) : ''}`);
    process.exitCode = found.state === 'up' ? 0 : 3;
  },
  async ssh({ name }, words) {
    process.exitCode = await sshInteractive(instance(name), (await facts(name)).ssh.port, words);
  },
  async bake(given) {
    const { bake } = await import('./bake.mjs');
    await bake({ topology: given.topology ?? 'default', force: given.force, progress: startProgress() });
  },
};

function startOptions(given) {
  const port = given.port === undefined ? undefined : Number(given.port);
  if (port !== undefined && !(port > 0 && port < 65536))
    throw usage(`--port wants a number, not ${given.port}`);
  const chosen = {
    name: given.name,
    topology: given.topology,
    port,
    cold: given.cold,
    guests: !given['no-guests'],
  };
  return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined));
}

function print({ json }, found) {
  process.stdout.write(json ? `${JSON.stringify(found, undefined, 2)}\n` : summary(found));
}

function summary(found) {
  const lines = found.devices.flatMap((device) =>
    device.functions.map(
      ({ address, vendor, device: id, driver, group }) =>
        `  ${device.name.padEnd(12)} ${address}  ${vendor}:${id}  driver ${(driver ?? '-').padEnd(10)} group ${group ?? '-'}`,
    ),
  );
  const guests = found.guests.map(({ name }) => name).join(', ');
  return [
    `  ssh          127.0.0.1:${found.ssh.port}`,
    `  estate       ${found.estate}`,
    `  guests       ${guests}`,
    ...lines,
    '',
  ].join('\n');
}

function usage(text) {
  return new LabError(text, { remedy: 'npm run lab:kvm -- --help' });
}

async function main(words) {
  const [command, ...rest] = words;
  const split = rest.indexOf('--');
  const own = split < 0 ? rest : rest.slice(0, split);
  if (command === undefined || command === '--help' || command === '-h' || own.includes('--help')) {
    return process.stdout.write(help);
  }
  if (!commands[command]) throw usage(`unknown command ${command}`);
  const parsed = parse(own);
  const command_words = [...parsed.positionals, ...(split < 0 ? [] : rest.slice(split + 1))];
  if (command !== 'ssh' && command_words.length)
    throw usage(`${command} takes no argument ${command_words[0]}`);
  return commands[command](parsed.values, command_words);
}

function parse(args) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw usage(error.message);
  }
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`lab:kvm: ${explain(error)}\n`);
  process.exitCode = 1;
});
