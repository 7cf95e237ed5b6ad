/** One server-sent event. */
export interface ServerEvent {
  name: string;
  data: string;
}

/** Reads a stream of server-sent events until the server ends it; leaving the loop closes the connection. */
export async function* eventsOf(url: string, headers: Record<string, string>): AsyncGenerator<ServerEvent> {
  const leaving = new AbortController();
  const response = await fetch(url, {
    headers: { ...headers, accept: 'text/event-stream' },
    signal: leaving.signal,
  });
  if (!response.ok || !response.body)
    throw new Error(`GET ${url}: ${response.status} ${await response.text()}`);
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) yield eventOf(block);
    }
  } finally {
    leaving.abort();
  }
}

function eventOf(block: string): ServerEvent {
  const fields = block.split('\n').map((line) => /^(\w+): ?(.*)$/.exec(line));
  const all = (name: string): string[] =>
    fields.flatMap((field) => (field?.[1] === name ? [field[2] ?? ''] : []));
  return { name: all('event')[0] ?? 'message', data: all('data').join('\n') };
}
