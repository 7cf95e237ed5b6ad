import type { Live, StreamEvent, Watcher } from '../follow.js';
import type { StepProgressView } from '../schemas.js';
import { showFailure, stateText } from './change.js';
import { plain } from './text.js';

/** Writes a line whenever something of a change is new: its state, a step that begins, a step that ends. */
export class ProgressLines implements Watcher {
  private readonly shown = new Set<string>();

  constructor(
    private readonly out: NodeJS.WritableStream,
    private readonly notes: NodeJS.WritableStream,
  ) {}

  live({ change, steps }: Live): void {
    for (const step of steps) {
      this.once(`${step.opId} begun`, step.startedAt, `${nameText(step)} ...`);
      if (step.endedAt)
        this.once(`${step.opId} ${step.attempts} ${step.outcome}`, step.endedAt, endText(step));
    }
    this.once(
      `${change.round} ${change.state} ${change.ending}`,
      change.updatedAt,
      `${stateText(change)}${change.planHash ? `, plan ${change.planHash.slice(0, 12)}` : ''}`,
    );
    for (const failure of change.failures)
      this.once(showFailure(failure), change.updatedAt, showFailure(failure));
  }

  event(_event: StreamEvent): void {
    // For people the picture after each batch says it better.
  }

  lost(why: string): void {
    this.notes.write(`connection lost (${plain(why)}); trying again\n`);
  }

  private once(key: string, at: string, text: string): void {
    if (this.shown.has(key)) return;
    this.shown.add(key);
    this.out.write(`${at.slice(11, 19)}  ${text}\n`);
  }
}

/** Every event as one line of JSON, for programs. */
export class EventLines implements Watcher {
  constructor(
    private readonly out: NodeJS.WritableStream,
    private readonly notes: NodeJS.WritableStream,
  ) {}

  live(): void {
    // Its event has been written already.
  }

  event({ id, name, data }: StreamEvent): void {
    this.out.write(`${JSON.stringify({ id, event: name, data: JSON.parse(data) as unknown })}\n`);
  }

  lost(why: string): void {
    this.notes.write(`connection lost (${plain(why)}); trying again\n`);
  }
}

function nameText({ direction, name }: StepProgressView): string {
  return direction === 'forward' ? plain(name) : `${direction}: ${plain(name)}`;
}

function endText(step: StepProgressView): string {
  const tries = step.attempts > 1 ? `, ${step.attempts} tries` : '';
  const failure = step.failure ? `: ${showFailure(step.failure)}` : '';
  return `${nameText(step)} ${step.outcome}${tries}${failure}`;
}
