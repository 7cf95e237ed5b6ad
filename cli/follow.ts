import { setTimeout as pause } from 'node:timers/promises';
import { type ApiClient, Unreachable } from './client.js';
import { ApiProblem, CliError } from './exit.js';
import type { ChangeView, StepProgressView } from './schemas.js';

/** Where a change stands: what the stream's `snapshot` and `change` events hold. */
export interface Live {
  change: ChangeView;
  steps: StepProgressView[];
}

export interface StreamEvent {
  id: string | null;
  name: string;
  data: string;
}

export interface Watcher {
  live(live: Live): void;
  event(event: StreamEvent): void;
  /** The connection was lost; it is being made again. */
  lost(why: string): void;
}

const longestPauseMs = 5_000;

/** Follows a change until it is closed, or parked and a person must decide; however often the connection breaks. */
export async function follow(
  api: ApiClient,
  id: string,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<ChangeView> {
  let last: string | undefined;
  let change: ChangeView | undefined;
  let tries = 0;
  for (;;) {
    try {
      for await (const event of readEvents(await api.events(id, last, signal))) {
        tries = 0;
        last = event.id ?? last;
        watcher.event(event);
        if (event.name !== 'snapshot' && event.name !== 'change') continue;
        const live = JSON.parse(event.data) as Live;
        change = live.change;
        watcher.live(live);
        if (change.state === 'parked') return change;
      }
      change = await api.change(id);
      if (change.state === 'closed' || change.state === 'parked') return change;
      throw new Error('the stream ended');
    } catch (error) {
      if (signal.aborted || !mayPass(error)) throw error;
      watcher.lost(error instanceof Error ? error.message : String(error));
      tries += 1;
      await pause(Math.min(longestPauseMs, 250 * 2 ** tries), undefined, { signal });
    }
  }
}

/** Whether it may work the next time: the network, or an API that says so itself. A refusal stays one. */
function mayPass(error: unknown): boolean {
  if (error instanceof ApiProblem) return error.problem.status >= 500;
  return error instanceof Unreachable || !(error instanceof CliError);
}

/** Server-sent events of a response, until it ends or breaks. */
export async function* readEvents(response: Response): AsyncGenerator<StreamEvent> {
  if (!response.body) return;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response.body) {
    const blocks = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = eventOf(block);
      if (event) yield event;
    }
  }
}

/** Null for blocks of comments only: they say that the stream lives. */
function eventOf(block: string): StreamEvent | null {
  const fields = block.split('\n').flatMap((line) => {
    const match = /^(\w+):\s?(.*)$/.exec(line);
    return match ? [{ name: match[1]!, value: match[2]! }] : [];
  });
  const all = (name: string): string[] =>
    fields.filter((field) => field.name === name).map(({ value }) => value);
  if (all('data').length === 0) return null;
  return {
    id: all('id').at(-1) ?? null,
    name: all('event').at(-1) ?? 'message',
    data: all('data').join('\n'),
  };
}
