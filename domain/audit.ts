import { canonicalJson } from './canonical.js';

/** One audit event as it enters a change's hash chain. `key` makes writing it twice harmless. */
export interface AuditEvent {
  /** The change's id, or `site/<id>` for what concerns a whole site. */
  changeId: string;
  key: string;
  at: string;
  actor: string;
  kind: string;
  data: Record<string, unknown>;
}

/** What is hashed: the event, its place and the hash before it. */
export interface AuditLink extends AuditEvent {
  /** 1 for the first event of a chain. */
  sequence: number;
  previous: string;
}

/** A link with its hash (lower-case hex sha-256 of `linkText`). */
export interface ChainedEvent extends AuditLink {
  hash: string;
}

export const genesis = '0'.repeat(64);

/** How far a chain had come. */
export interface ChainHead {
  changeId: string;
  sequence: number;
  hash: string;
}

/** The heads of all chains that grew since the checkpoint before. */
export interface Checkpoint {
  version: 1;
  /** 1, 2, 3 … without a gap. */
  number: number;
  at: string;
  /** Digest of the checkpoint before; `genesis` for the first. */
  previous: string;
  heads: ChainHead[];
}

export interface SignedCheckpoint {
  checkpoint: Checkpoint;
  /** sha-256 of the checkpoint's canonical JSON. */
  digest: string;
  /** Base64url Ed25519 signature over the checkpoint's canonical JSON. */
  signature: string;
}

/** The document `slipway audit verify` reads. */
export interface AuditExport {
  version: 1;
  /** Absent: all chains. */
  changeId?: string;
  events: ChainedEvent[];
  heads: ChainHead[];
  /** All of them, or for one change those that name it. */
  checkpoints: SignedCheckpoint[];
}

export interface AuditDefect {
  kind:
    | 'malformed'
    | 'event-changed'
    | 'event-missing'
    | 'event-repeated'
    | 'order-wrong'
    | 'link-broken'
    | 'tail-missing'
    | 'head-differs'
    | 'checkpoint-changed'
    | 'checkpoint-missing'
    | 'signature-wrong';
  changeId?: string;
  sequence?: number;
  /** Number of the checkpoint. */
  checkpoint?: number;
  detail: string;
}

export interface ExportVerdict {
  verified: boolean;
  events: number;
  chains: number;
  checkpoints: number;
  /** False when no key was given: the signatures were not looked at. */
  signaturesChecked: boolean;
  defects: AuditDefect[];
}

/** The canonical text a link's hash is made of. */
export function linkText(link: AuditLink): string {
  const { changeId, key, at, actor, kind, data, sequence, previous } = link;
  return canonicalJson({ changeId, key, at, actor, kind, data, sequence, previous });
}
