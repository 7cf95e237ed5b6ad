import { oppositeVerb, type Act } from '../../../domain/act.js';
import { refusalCodes, type RefusalCode, refuse } from './refusal.js';

export const faultKinds = ['before', 'after', 'hang', 'lost-reply', 'late', 'partial'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** The port's methods; `act` is the default. Reads can only fail before, hang, or lose their reply. */
export const faultMethods = ['act', 'inspect', 'observe', 'snapshot', 'probe'] as const;
export type FaultMethod = (typeof faultMethods)[number];

/**
 * A fault for the next `count` calls that match. What is left out matches everything.
 * `before`: fails, no effect. `after`: effect, then an error reply. `hang`: never answers (`effect: none`: the order
 * never arrives). `lost-reply`: effect, then the connection is cut. `late`: the connection is cut, the effect follows
 * after `afterMs`. `partial`: half of the effect, then an error reply.
 */
export interface InjectedFault {
  kind: FaultKind;
  method: FaultMethod;
  host?: string;
  verb?: string;
  address?: string;
  vm?: string;
  count: number;
  fired: number;
  effect: 'done' | 'none';
  afterMs: number;
  code: RefusalCode;
}

const known = ['kind', 'method', 'host', 'verb', 'address', 'vm', 'count', 'effect', 'afterMs', 'code'];

/** Reads a fault as people write it; `where` is the place in the document for the message. */
export function readFault(value: unknown, where: string): InjectedFault {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) wrong(where, 'a fault', value);
  const given = value as Record<string, unknown>;
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown) wrong(`${where}.${unknown}`, `one of ${known.join(', ')}`, unknown);
  const choice = <T extends string>(name: string, choices: readonly T[], otherwise: T): T => {
    const found = given[name] ?? otherwise;
    return choices.find((one) => one === found) ?? wrong(`${where}.${name}`, choices.join(' | '), found);
  };
  const number = (name: string, otherwise: number): number => {
    const found = given[name] ?? otherwise;
    return typeof found === 'number' && Number.isInteger(found) && found >= 0
      ? found
      : wrong(`${where}.${name}`, 'a whole number', found);
  };
  const text = (name: 'host' | 'address' | 'vm'): Partial<InjectedFault> => {
    const found = given[name];
    if (found === undefined) return {};
    return typeof found === 'string' ? { [name]: found } : wrong(`${where}.${name}`, 'text', found);
  };
  if (given['kind'] === undefined) wrong(`${where}.kind`, faultKinds.join(' | '), undefined);
  const kind = choice('kind', faultKinds, 'before');
  const method = choice('method', faultMethods, 'act');
  if (method !== 'act' && !['before', 'hang', 'lost-reply'].includes(kind))
    wrong(`${where}.kind`, 'before | hang | lost-reply for a read', kind);
  return {
    kind,
    method,
    ...text('host'),
    ...(given['verb'] === undefined ? {} : { verb: choice('verb', Object.keys(oppositeVerb), '') }),
    ...text('address'),
    ...text('vm'),
    count: number('count', 1),
    fired: 0,
    effect: choice('effect', ['done', 'none'], 'done'),
    afterMs: number('afterMs', 1000),
    code: choice('code', refusalCodes, method === 'act' ? 'failed' : 'unreachable'),
  };
}

function wrong(where: string, expected: string, actual: unknown): never {
  refuse('bad-request', `${where} is not a fault the simulator knows`, {
    expected,
    actual: JSON.stringify(actual) ?? 'nothing',
  });
}

/** Takes the first fault that matches and counts it. */
export function takeFault(
  faults: readonly InjectedFault[],
  call: { method: FaultMethod; host: string; act?: Act },
): InjectedFault | undefined {
  const matches = (wanted: string | undefined, found: string | undefined): boolean =>
    wanted === undefined || wanted === found;
  const fault = faults.find(
    (one) =>
      one.fired < one.count &&
      one.method === call.method &&
      matches(one.host, call.host) &&
      matches(one.verb, call.act?.verb) &&
      matches(one.address, call.act?.device?.address) &&
      matches(one.vm, call.act?.vm?.name),
  );
  if (fault) fault.fired += 1;
  return fault;
}
