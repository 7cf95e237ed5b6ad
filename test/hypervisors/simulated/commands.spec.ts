import { describe, expect, it } from '@jest/globals';
import { type Act, formatCommand } from '../../../domain/act.js';
import { commandsOf } from '../../../hypervisors/simulated/commands.js';

const device: Act['device'] = {
  address: '0000:02:00.0',
  mode: 'pci',
  fingerprint: { vendor: '1b36', device: '0010', serial: 'N1' },
  unit: '10',
  members: ['0000:02:00.0'],
  hostDriver: 'nvme',
};
const vm = { name: 'voip-gateway', uuid: 'u' };
const host = 'sim-01';

describe('the simulator’s commands', () => {
  it.each<[string, Act, string[]]>([
    ['dismount', { verb: 'dismount', host, device }, ['simctl dismount --device=0000:02:00.0']],
    ['mount', { verb: 'mount', host, device }, ['simctl mount --device=0000:02:00.0']],
    [
      'hot attach',
      { verb: 'attach', host, vm, device, placement: 'hot' },
      [
        'simctl attach --vm=voip-gateway --device=0000:02:00.0 --live',
        'simctl attach --vm=voip-gateway --device=0000:02:00.0 --config',
      ],
    ],
    [
      'cold attach',
      { verb: 'attach', host, vm, device, placement: 'cold' },
      ['simctl attach --vm=voip-gateway --device=0000:02:00.0 --config'],
    ],
    [
      'hot detach',
      { verb: 'detach', host, vm, device, placement: 'hot' },
      [
        'simctl detach --vm=voip-gateway --device=0000:02:00.0 --live',
        'simctl detach --vm=voip-gateway --device=0000:02:00.0 --config',
      ],
    ],
    [
      'cold detach',
      { verb: 'detach', host, vm, device, placement: 'cold' },
      ['simctl detach --vm=voip-gateway --device=0000:02:00.0 --config'],
    ],
    ['gentle quiesce', { verb: 'quiesce', host, vm }, ['simctl shutdown --vm=voip-gateway']],
    [
      'forced quiesce',
      { verb: 'quiesce', host, vm, force: true },
      ['simctl shutdown --vm=voip-gateway', 'simctl power-cut --vm=voip-gateway'],
    ],
    ['resume', { verb: 'resume', host, vm }, ['simctl start --vm=voip-gateway']],
    [
      'prepare, in the order of names',
      { verb: 'prepare', host, vm, settings: { b: '2', a: '1' } },
      ['simctl set --vm=voip-gateway --name=a --value=1', 'simctl set --vm=voip-gateway --name=b --value=2'],
    ],
    [
      'an odd name',
      { verb: 'resume', host, vm: { ...vm, name: "--live it's" } },
      [`simctl start '--vm=--live it'\\''s'`],
    ],
  ])('for %s', (_, act, expected) => {
    expect(commandsOf(act).map(formatCommand)).toEqual(expected);
  });

  it('are refused for an act that names nothing', () => {
    expect(() => commandsOf({ verb: 'attach', host })).toThrow('field vm');
    expect(() => commandsOf({ verb: 'mount', host })).toThrow('field address');
  });
});
