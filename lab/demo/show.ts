import { formatCommand } from '../../domain/act.js';
import type { Plan } from '../../domain/plan.js';
import type { StackAddresses } from '../../stack/addresses.js';
import type { DemoReport, StepOfReport } from './report.js';

/** What a person sees of the demo in the terminal, as it happens. */
export class Show {
  private readonly begun = performance.now();

  constructor(private readonly out: NodeJS.WritableStream) {}

  line(text: string): void {
    this.out.write(`${this.seconds()}  ${text}\n`);
  }

  detail(text: string): void {
    this.out.write(`          ${text}\n`);
  }

  problem(text: string): void {
    this.out.write(`\nnot as it should be: ${text}\n`);
  }

  stack(addresses: StackAddresses, which: string): void {
    this.line(`using ${which}: ${addresses.apiUrl}, Temporal UI ${addresses.temporal.uiUrl ?? 'none'}`);
  }

  plan(plan: Plan, planHash: string): void {
    this.line(`plan ${planHash}`);
    for (const step of plan.steps) {
      this.detail(
        `${step.name}: ${step.summary}${step.onlyAfterEscalation ? ' (only if its power was cut)' : ''}`,
      );
      for (const command of step.forward.commands) this.command(formatCommand(command), command.input);
    }
    const later = new Set(JSON.stringify(plan.steps).match(/\{\w+\}/g));
    if (later.size > 0) this.detail(`filled in when the step runs: ${[...later].join(', ')}`);
    if (plan.hostLoses.length > 0) this.detail(`the host loses: ${plan.hostLoses.join('; ')}`);
    if (plan.vmLoses.length > 0) this.detail(`the VM loses: ${plan.vmLoses.join('; ')}`);
    for (const risk of plan.risks) this.detail(`risk ${risk.code}: ${risk.text}`);
  }

  step(step: StepOfReport): void {
    const tries = step.attempts > 1 ? `, ${step.attempts} tries` : '';
    this.line(
      `  ${step.direction === 'forward' ? '' : `${step.direction}: `}${step.name}: ${step.outcome ?? 'running'}${tries}`,
    );
  }

  evidence({ evidence, audit }: DemoReport): void {
    this.line(`evidence: before and after are ${evidence.equal ? 'equal' : 'NOT equal'}`);
    for (const fact of evidence.after)
      this.detail(`${fact.subject} ${fact.name} = ${fact.value}   (${fact.command})`);
    this.line(`audit: ${audit.events} events, chain ${audit.verified ? 'verified' : 'BROKEN'}`);
  }

  private command(line: string, input: string | undefined): void {
    this.detail(`    $ ${line}`);
    for (const text of (input ?? '').split('\n').filter(Boolean)) this.detail(`      ${text}`);
  }

  private seconds(): string {
    return `${((performance.now() - this.begun) / 1000).toFixed(1).padStart(6)} s`;
  }
}
