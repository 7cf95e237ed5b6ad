import type {
  AuditDefect,
  AuditExport,
  ChainedEvent,
  ChainHead,
  Checkpoint,
  ExportVerdict,
  SignedCheckpoint,
} from './audit.js';
import { genesis } from './audit.js';
import { type Digest, digestOrNone, verifyChain } from './audit-chain.js';
import { exportShape } from './audit-shape.js';
import { canonicalJson } from './canonical.js';

export { type Digest, verifyChain } from './audit-chain.js';

/** Whether a base64url Ed25519 signature fits a text. */
export type SignatureCheck = (text: string, signature: string) => boolean;

type Chains = ReadonlyMap<string, readonly ChainedEvent[]>;

/**
 * Judges a whole export offline: chains, heads, checkpoints and, with a key, their signatures. Never throws on bad
 * input. What it can't see: a tail cut off together with the checkpoints that covered it, so keep those elsewhere too.
 */
export function verifyExport(
  document: AuditExport,
  digest: Digest,
  checkSignature?: SignatureCheck,
): ExportVerdict {
  const shape = exportShape(document);
  const { events, heads, checkpoints } =
    shape === null ? document : { events: [], heads: [], checkpoints: [] };
  const chains = Map.groupBy(events, (event) => event.changeId);
  const defects: AuditDefect[] = [
    ...(shape === null ? [] : [{ kind: 'malformed' as const, detail: shape }]),
    ...[...chains.values()].flatMap((chain) => verifyChain(chain, digest)),
    ...[...chains.keys()].flatMap((changeId) => strangeChain(changeId, document)),
    ...heads.flatMap((head) => differingHead(head, chains)),
    ...checkpoints.flatMap((signed, index) => [
      ...changedCheckpoint(signed, digest),
      ...forgedCheckpoint(signed, checkSignature),
      ...brokenSuccession(signed.checkpoint, checkpoints[index - 1], document.changeId === undefined),
      ...signed.checkpoint.heads.flatMap((head) =>
        uncoveredHead(head, signed.checkpoint, chains, document.changeId),
      ),
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

function strangeChain(changeId: string, document: AuditExport): AuditDefect[] {
  if (document.changeId !== undefined && changeId !== document.changeId) {
    return [{ kind: 'malformed', changeId, detail: `the export is of change ${document.changeId} only` }];
  }
  if (document.heads.some((head) => head.changeId === changeId)) return [];
  return [{ kind: 'head-differs', changeId, detail: 'the chain has no head' }];
}

function differingHead({ changeId, sequence, hash }: ChainHead, chains: Chains): AuditDefect[] {
  const chain = chains.get(changeId) ?? [];
  const length = chain.reduce((most, event) => Math.max(most, event.sequence), 0);
  if (length < sequence) {
    const detail = `the head is at ${sequence}, the last event is ${length}`;
    return [{ kind: 'tail-missing', changeId, sequence, detail }];
  }
  const last = chain.find((event) => event.sequence === length);
  if (length === sequence && last?.hash === hash) return [];
  const detail = `the last event is ${length} with ${last?.hash}, the head says ${sequence} with ${hash}`;
  return [{ kind: 'head-differs', changeId, sequence, detail }];
}

function changedCheckpoint({ checkpoint, digest: said }: SignedCheckpoint, digest: Digest): AuditDefect[] {
  const is = digestOrNone(() => canonicalJson(checkpoint), digest);
  if (is === said) return [];
  const detail = `its content has the digest ${is}, it says ${said}`;
  return [{ kind: 'checkpoint-changed', checkpoint: checkpoint.number, detail }];
}

function forgedCheckpoint(
  { checkpoint, signature }: SignedCheckpoint,
  check?: SignatureCheck,
): AuditDefect[] {
  if (!check) return [];
  try {
    if (check(canonicalJson(checkpoint), signature)) return [];
  } catch {
    // Content that can't be canonical can't have been signed.
  }
  const detail = 'the signature is not by the given key over this content';
  return [{ kind: 'signature-wrong', checkpoint: checkpoint.number, detail }];
}

/** All checkpoints follow each other without a gap; an export of one change holds only some of them. */
function brokenSuccession(
  { number, previous }: Checkpoint,
  before: SignedCheckpoint | undefined,
  all: boolean,
): AuditDefect[] {
  const last = before?.checkpoint.number ?? 0;
  if (number <= last) {
    return [{ kind: 'order-wrong', checkpoint: number, detail: `checkpoint ${number} lies behind ${last}` }];
  }
  if (number > last + 1) {
    return all
      ? [{ kind: 'checkpoint-missing', checkpoint: last + 1, detail: `missing before checkpoint ${number}` }]
      : [];
  }
  const expected = before?.digest ?? genesis;
  if (previous === expected) return [];
  const detail = `the checkpoint before has the digest ${expected}, expected ${previous}`;
  return [{ kind: 'link-broken', checkpoint: number, detail }];
}

/** What was signed once must still be there, unchanged. */
function uncoveredHead(
  { changeId, sequence, hash }: ChainHead,
  { number }: Checkpoint,
  chains: Chains,
  only: string | undefined,
): AuditDefect[] {
  if (only !== undefined && changeId !== only) return [];
  const chain = chains.get(changeId) ?? [];
  const event = chain.find((one) => one.sequence === sequence);
  if (event?.hash === hash) return [];
  const place = { changeId, sequence, checkpoint: number };
  if (event) {
    return [
      {
        kind: 'event-changed',
        ...place,
        detail: `checkpoint ${number} signed the hash ${hash}, found ${event.hash}`,
      },
    ];
  }
  const isCut = chain.every((one) => one.sequence < sequence);
  const detail = `checkpoint ${number} covers event ${sequence}, which is not there`;
  return [{ kind: isCut ? 'tail-missing' : 'event-missing', ...place, detail }];
}
