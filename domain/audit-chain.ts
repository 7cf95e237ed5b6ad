import { type AuditDefect, type ChainedEvent, genesis, linkText } from './audit.js';

/** Lower-case hex sha-256 of a text in UTF-8; passed in since the domain imports nothing. */
export type Digest = (text: string) => string;

const eventFields = ['actor', 'at', 'changeId', 'data', 'hash', 'key', 'kind', 'previous', 'sequence'].join();

/** Every defect of one chain; the events are given in the order in which they lie in the document. */
export function verifyChain(events: readonly ChainedEvent[], digest: Digest): AuditDefect[] {
  const sorted = [...events].sort((a, b) => a.sequence - b.sequence);
  return [
    ...events.flatMap((event) => changedEvent(event, digest)),
    ...events.flatMap((event, index) => misplacedEvent(event, events[index - 1])),
    ...sorted.flatMap((event, index) => brokenLink(event, sorted[index - 1])),
  ];
}

function changedEvent(event: ChainedEvent, digest: Digest): AuditDefect[] {
  const fields = Object.keys(event).sort().join();
  // A field that the hash does not cover could say anything.
  if (fields !== eventFields)
    return [found('malformed', event, `expected the fields ${eventFields}, found ${fields}`)];
  const hash = digestOrNone(() => linkText(event), digest);
  if (hash === event.hash) return [];
  return [found('event-changed', event, `its content has the hash ${hash}, it says ${event.hash}`)];
}

function misplacedEvent(event: ChainedEvent, before: ChainedEvent | undefined): AuditDefect[] {
  if (!before || before.sequence <= event.sequence) return [];
  return [found('order-wrong', event, `event ${event.sequence} lies behind event ${before.sequence}`)];
}

function brokenLink(event: ChainedEvent, before: ChainedEvent | undefined): AuditDefect[] {
  const { changeId, sequence } = event;
  const expected = (before?.sequence ?? 0) + 1;
  if (before?.sequence === sequence)
    return [found('event-repeated', event, `event ${sequence} is there twice`)];
  if (sequence !== expected) {
    const missing = sequence - 1 > expected ? `${expected} to ${sequence - 1}` : `${expected}`;
    return [
      found(
        'event-missing',
        { changeId, sequence: expected },
        `missing before event ${sequence}: ${missing}`,
      ),
    ];
  }
  const previous = before?.hash ?? genesis;
  if (event.previous === previous) return [];
  return [
    found('link-broken', event, `the event before has the hash ${previous}, expected ${event.previous}`),
  ];
}

function found(
  kind: AuditDefect['kind'],
  { changeId, sequence }: { changeId: string; sequence: number },
  detail: string,
): AuditDefect {
  return { kind, changeId, sequence, detail };
}

/** The digest of a text; `none` if the content is nothing that canonical JSON can hold. */
export function digestOrNone(text: () => string, digest: Digest): string {
  try {
    return digest(text());
  } catch {
    return 'none';
  }
}
