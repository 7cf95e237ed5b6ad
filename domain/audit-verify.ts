import type { AuditDefect, AuditExport, ChainedEvent, ExportVerdict } from './audit.js';

/** Lower-case hex sha-256 of a text in UTF-8; passed in since the domain imports nothing. */
export type Digest = (text: string) => string;
/** Whether a base64url Ed25519 signature fits a text. */
export type SignatureCheck = (text: string, signature: string) => boolean;

/** Every defect of one chain, in the order in which its events lie in the list. */
export function verifyChain(_events: readonly ChainedEvent[], _digest: Digest): AuditDefect[] {
  throw new Error('not written yet');
}

/** Judges a whole export offline: chains, heads, checkpoints and, with a key, their signatures. Never throws on bad input. */
export function verifyExport(
  _document: AuditExport,
  _digest: Digest,
  _checkSignature?: SignatureCheck,
): ExportVerdict {
  throw new Error('not written yet');
}
