import { type Act, actName, type NativeCommand } from '../../domain/act.js';
import { parsePciAddress } from '../../domain/device.js';
import { failure, SlipwayError } from '../../domain/failures.js';

/**
 * The simulator's own words for an act. Values are joined to their option, so that a name with a leading dash stays
 * a value. Nothing of one execution is in here: the same act always gives the same commands.
 */
export function commandsOf(act: Act): NativeCommand[] {
  const device = (): string => `--device=${deviceAddress(act)}`;
  const vm = (): string => `--vm=${vmName(act)}`;
  const places = act.placement === 'cold' ? ['--config'] : ['--live', '--config'];
  switch (act.verb) {
    case 'dismount':
    case 'mount':
      return [simctl(act.verb, device())];
    case 'attach':
    case 'detach':
      return places.map((place) => simctl(act.verb, vm(), device(), place));
    case 'quiesce':
      return [simctl('shutdown', vm()), ...(act.force ? [simctl('power-cut', vm())] : [])];
    case 'resume':
      return [simctl('start', vm())];
    case 'prepare':
    case 'restore':
      return Object.entries(act.settings ?? {})
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => simctl('set', vm(), `--name=${name}`, `--value=${value}`));
  }
}

function simctl(...argv: string[]): NativeCommand {
  return { tool: 'simctl', argv };
}

function deviceAddress(act: Act): string {
  const { address } = act.device ?? {};
  if (address !== undefined && parsePciAddress(address)) return address;
  throw invalid(act, 'address', 'a PCI address such as 0000:02:00.0', address);
}

function vmName(act: Act): string {
  const { name } = act.vm ?? {};
  if (name !== undefined && /^[^\p{Cc}]{1,255}$/u.test(name)) return name;
  throw invalid(act, 'vm', 'a name of 1 to 255 characters without control characters', name);
}

function invalid(act: Act, field: string, expected: string, actual: string | undefined): SlipwayError {
  const where = { host: act.host, field };
  const shown =
    actual === undefined ? `nothing in ${JSON.stringify(actName(act))}` : JSON.stringify(actual.slice(0, 80));
  return new SlipwayError(failure('request-invalid', { where, expected, actual: shown }));
}
