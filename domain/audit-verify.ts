import {
  type AuditDefect,
  type AuditExport,
  type ChainedEvent,
  type ChainHead,
  type Checkpoint,
  type ExportVerdict,
  genesis,
  linkText,
  type SignedCheckpoint,
} from './audit.js';
import { canonicalJson } from './canonical.js';

/** Lower-case hex sha-256 of a text in UTF-8; passed in since the domain imports nothing. */
export type Digest = (text: string) => string;
/** Whether a base64url Ed25519 signature fits a text. */
export type SignatureCheck = (text: string, signature: string) => boolean;

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
  const place = { changeId: event.changeId, sequence: event.sequence };
  if (Object.keys(event).sort().join() !== eventFields) {
    return [
      {
        kind: 'malformed',
        ...place,
        detail: `expected the fields ${eventFields}, found ${Object.keys(event).sort().join()}`,
      },
    ];
  }
  const hash = hashed(() => linkText(event), digest);
  if (hash === event.hash) return [];
  return [
    {
      kind: 'event-changed',
      ...place,
      detail: `its content has the hash ${hash ?? 'none'}, it says ${event.hash}`,
    },
  ];
}

function misplacedEvent(event: ChainedEvent, before: ChainedEvent | undefined): AuditDefect[] {
  if (!before || before.sequence <= event.sequence) return [];
  const detail = `event ${event.sequence} lies behind event ${before.sequence}`;
  return [{ kind: 'order-wrong', changeId: event.changeId, sequence: event.sequence, detail }];
}

function brokenLink(event: ChainedEvent, before: ChainedEvent | undefined): AuditDefect[] {
  const { changeId, sequence } = event;
  const expected = (before?.sequence ?? 0) + 1;
  if (before && sequence === before.sequence) {
    return [{ kind: 'event-repeated', changeId, sequence, detail: `event ${sequence} is there twice` }];
  }
  if (sequence !== expected) {
    const missing = sequence - 1 > expected ? `${expected} to ${sequence - 1}` : `${expected}`;
    return [
      {
        kind: 'event-missing',
        changeId,
        sequence: expected,
        detail: `missing before event ${sequence}: ${missing}`,
      },
    ];
  }
  const previous = before?.hash ?? genesis;
  if (event.previous === previous) return [];
  return [
    {
      kind: 'link-broken',
      changeId,
      sequence,
      detail: `the event before has the hash ${previous}, expected ${event.previous}`,
    },
  ];
}

/**
 * Judges a whole export offline: chains, heads, checkpoints and, with a key, their signatures. Never throws on bad
 * input. What it can't see: a tail cut off together with the checkpoints that covered it, so keep those elsewhere too.
 */
export function verifyExport(
  document: AuditExport,
  digest: Digest,
  checkSignature?: SignatureCheck,
): ExportVerdict {
  const shape = malformed(document);
  const { events, heads, checkpoints } =
    shape.length > 0 ? { events: [], heads: [], checkpoints: [] } : document;
  const chains = Map.groupBy(events, (event) => event.changeId);
  const defects = [
    ...shape,
    ...[...chains.values()].flatMap((chain) => verifyChain(chain, digest)),
    ...strangeChains(chains, document),
    ...heads.flatMap((head) => differingHead(head, chains.get(head.changeId) ?? [])),
    ...checkpoints.flatMap((signed, index) => [
      ...changedCheckpoint(signed, digest, checkSignature),
      ...brokenSuccession(signed.checkpoint, checkpoints[index - 1], document.changeId === undefined),
      ...uncoveredHeads(signed.checkpoint, chains, document.changeId),
    ]),
  ];
  return {
    verified: defects.length === 0,
    events: events.length,
    chains: chains.size,
    checkpoints: checkpoints.length,
    signaturesChecked: checkSignature !== undefined,
    defects,
  };
}

function strangeChains(chains: ReadonlyMap<string, ChainedEvent[]>, document: AuditExport): AuditDefect[] {
  return [...chains.keys()].flatMap((changeId): AuditDefect[] => {
    if (document.changeId !== undefined && changeId !== document.changeId) {
      return [{ kind: 'malformed', changeId, detail: `the export is of change ${document.changeId} only` }];
    }
    if (document.heads.some((head) => head.changeId === changeId)) return [];
    return [{ kind: 'head-differs', changeId, detail: 'the chain has no head' }];
  });
}

function differingHead(
  { changeId, sequence, hash }: ChainHead,
  chain: readonly ChainedEvent[],
): AuditDefect[] {
  const last = chain.reduce<ChainedEvent | undefined>(
    (newest, event) => (newest && newest.sequence >= event.sequence ? newest : event),
    undefined,
  );
  const place = { changeId, sequence };
  if (!last || last.sequence < sequence) {
    return [
      {
        kind: 'tail-missing',
        ...place,
        detail: `the head is at ${sequence}, the last event is ${last?.sequence ?? 0}`,
      },
    ];
  }
  if (last.sequence === sequence && last.hash === hash) return [];
  return [
    {
      kind: 'head-differs',
      ...place,
      detail: `the last event is ${last.sequence} with ${last.hash}, the head says ${hash}`,
    },
  ];
}

function changedCheckpoint(
  signed: SignedCheckpoint,
  digest: Digest,
  checkSignature?: SignatureCheck,
): AuditDefect[] {
  const { checkpoint, signature } = signed;
  const place = { checkpoint: checkpoint.number };
  const text = canonicalJson(checkpoint);
  const found = digest(text);
  const forged = checkSignature && !checkSignature(text, signature);
  return [
    ...(found === signed.digest
      ? []
      : [
          {
            kind: 'checkpoint-changed' as const,
            ...place,
            detail: `its content has the digest ${found}, it says ${signed.digest}`,
          },
        ]),
    ...(forged
      ? [
          {
            kind: 'signature-wrong' as const,
            ...place,
            detail: 'the signature is not by the given key over this content',
          },
        ]
      : []),
  ];
}

/** All checkpoints follow each other without a gap; an export of one change holds only some of them. */
function brokenSuccession(
  { number, previous }: Checkpoint,
  before: SignedCheckpoint | undefined,
  all: boolean,
): AuditDefect[] {
  const last = before?.checkpoint.number ?? 0;
  if (number <= last)
    return [{ kind: 'order-wrong', checkpoint: number, detail: `checkpoint ${number} lies behind ${last}` }];
  if (number > last + 1) {
    return all
      ? [{ kind: 'checkpoint-missing', checkpoint: last + 1, detail: `missing before checkpoint ${number}` }]
      : [];
  }
  const expected = before?.digest ?? genesis;
  if (previous === expected) return [];
  return [
    {
      kind: 'link-broken',
      checkpoint: number,
      detail: `the checkpoint before has the digest ${expected}, expected ${previous}`,
    },
  ];
}

function uncoveredHeads(
  checkpoint: Checkpoint,
  chains: ReadonlyMap<string, ChainedEvent[]>,
  only?: string,
): AuditDefect[] {
  return checkpoint.heads.flatMap(({ changeId, sequence, hash }): AuditDefect[] => {
    if (only !== undefined && changeId !== only) return [];
    const chain = chains.get(changeId) ?? [];
    const event = chain.find((one) => one.sequence === sequence);
    const place = { changeId, sequence, checkpoint: checkpoint.number };
    if (event?.hash === hash) return [];
    if (event)
      return [
        {
          kind: 'event-changed',
          ...place,
          detail: `checkpoint ${checkpoint.number} signed the hash ${hash}, found ${event.hash}`,
        },
      ];
    const cut = chain.every((one) => one.sequence < sequence);
    return [
      {
        kind: cut ? 'tail-missing' : 'event-missing',
        ...place,
        detail: `checkpoint ${checkpoint.number} covers event ${sequence}`,
      },
    ];
  });
}

/** The text's digest; null if the content is nothing that canonical JSON can hold. */
function hashed(text: () => string, digest: Digest): string | null {
  try {
    return digest(text());
  } catch {
    return null;
  }
}

function malformed(document: unknown): AuditDefect[] {
  const { version, changeId, events, heads, checkpoints } = (document ?? {}) as Partial<
    Record<keyof AuditExport, unknown>
  >;
  const wrong = (detail: string): AuditDefect[] => [{ kind: 'malformed', detail }];
  if (version !== 1) return wrong(`expected version 1, found ${String(version)}`);
  if (changeId !== undefined && typeof changeId !== 'string') return wrong('changeId is no text');
  if (!isListOf(events, isEvent)) return wrong('events is no list of events');
  if (!isListOf(heads, isHead)) return wrong('heads is no list of heads');
  if (!isListOf(checkpoints, isCheckpoint)) return wrong('checkpoints is no list of checkpoints');
  return [];
}

type Members = Record<string, unknown>;

function isListOf(value: unknown, is: (item: Members) => boolean): boolean {
  return (
    Array.isArray(value) &&
    value.every((item) => typeof item === 'object' && item !== null && is(item as Members))
  );
}

function isHead({ changeId, sequence, hash }: Members): boolean {
  return typeof changeId === 'string' && Number.isSafeInteger(sequence) && typeof hash === 'string';
}

function isEvent(event: Members): boolean {
  return isHead(event) && typeof event.previous === 'string' && typeof event.data === 'object';
}

function isCheckpoint({ checkpoint, digest, signature }: Members): boolean {
  const { number, previous, heads } = (checkpoint ?? {}) as Members;
  return (
    typeof digest === 'string' &&
    typeof signature === 'string' &&
    Number.isSafeInteger(number) &&
    typeof previous === 'string' &&
    isListOf(heads, isHead)
  );
}
