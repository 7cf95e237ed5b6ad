import { formatCommand } from '../../domain/act.js';
import type { ActView, PlanView, StepView } from '../schemas.js';
import { indent, pairs, plain } from './text.js';

/** A plan as a reviewer needs it: what will be run, what is lost meanwhile, what may go wrong. */
export function showPlan(plan: PlanView): string {
  const head = pairs([
    ['change', plan.changeId],
    ['plan', plan.planHash],
    ['round', plan.round],
    ['action', `${plan.action}, VM ${plan.vm}, host ${plan.host}`],
    ['power cycles', plan.powerCycles],
    ['if unhealthy', plan.onUnhealthy],
    ['takes about', `${plan.estimateSeconds} s; undo up to ${plan.undoSeconds} s`],
  ]);
  return [
    head,
    ...plan.steps.map((step, index) => showStep(step, index + 1)),
    list('the host loses', plan.hostLoses),
    list('the VM loses', plan.vmLoses),
    list(
      'risks',
      plan.risks.map(({ code, text }) => `${code}: ${text}`),
    ),
    list(
      'reviews needed',
      plan.requirements.map(
        ({ id, count, groups }) =>
          `${count} from ${groups.join(' or ') || 'anybody who may approve'} (${id})`,
      ),
    ),
  ]
    .filter(Boolean)
    .join('\n');
}

function showStep(step: StepView, number: number): string {
  const condition = step.onlyAfterEscalation ? ' (only if its power was cut)' : '';
  const undo = step.inverse
    ? [`undone by ${step.inverse.verb}:`, indent(commandsText(step.inverse))]
    : ['irreversible'];
  const escalation = step.escalation.flatMap((act) => [
    `if the guest does not let go, ${act.verb} first:`,
    indent(commandsText(act)),
  ]);
  const lines = [
    ...step.effects.map((effect) => `effect: ${plain(effect)}`),
    commandsText(step.forward),
    ...escalation,
    ...undo,
  ];
  return `${number}. ${plain(step.name)}: ${plain(step.summary)}${condition}\n${indent(lines.filter(Boolean).join('\n'), '   ')}`;
}

function commandsText({ commands }: ActView): string {
  return commands
    .map((command) => {
      const input = command.input
        ? `\n${indent(command.input.trimEnd().split('\n').map(plain).join('\n'), '    ')}`
        : '';
      return `$ ${plain(formatCommand(command))}${input}`;
    })
    .join('\n');
}

function list(title: string, items: string[]): string {
  return items.length > 0 ? `${title}:\n${indent(items.map(plain).join('\n'))}` : '';
}
