import { Verb } from '../../domain/act.js';

/** A step that is made to fail: before its effect, after it with the reply lost, or without ever answering. */
export interface Fault {
  verb: Verb;
  /** The device's address or the VM's name, when only one of several steps is meant. */
  subject?: string;
  when: 'before' | 'after' | 'hang';
}

/** Reads `attach`, `dismount 0000:02:00.0` or `attach:before`; text back says what is wrong. */
export function parseFault(text: string): Fault | string {
  const [, step = text, when = 'after'] = /^(.*?)(?::(before|after|hang))?$/.exec(text) ?? [];
  const [name = '', subject] = step.split(' ');
  const verb = Object.values(Verb).find((one) => one === name);
  if (!verb)
    return `expected a step that begins with one of ${Object.values(Verb).join(', ')}; actual "${text}"`;
  return { verb, ...(subject ? { subject } : {}), when: when as Fault['when'] };
}
