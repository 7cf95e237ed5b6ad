import type { AuditExport } from './audit.js';

type Members = Record<string, unknown>;

/** What is wrong with the form of a document that claims to be an export; null if it can be judged. */
export function exportShape(document: unknown): string | null {
  if (!isMembers(document)) return 'the document is no JSON object';
  const { version, changeId, events, heads, checkpoints } = document as Partial<
    Record<keyof AuditExport, unknown>
  >;
  if (version !== 1) return `expected version 1, found ${String(version)}`;
  if (changeId !== undefined && typeof changeId !== 'string') return 'changeId is no text';
  if (!isListOf(events, isEvent)) return 'events is no list of events';
  if (!isListOf(heads, isHead)) return 'heads is no list of heads';
  if (!isListOf(checkpoints, isSignedCheckpoint)) return 'checkpoints is no list of signed checkpoints';
  return null;
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOf(value: unknown, is: (item: Members) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => isMembers(item) && is(item));
}

function isHead({ changeId, sequence, hash }: Members): boolean {
  return typeof changeId === 'string' && Number.isSafeInteger(sequence) && typeof hash === 'string';
}

function isEvent(event: Members): boolean {
  return isHead(event) && typeof event['previous'] === 'string' && isMembers(event['data']);
}

function isSignedCheckpoint({ checkpoint, digest, signature }: Members): boolean {
  return (
    typeof digest === 'string' &&
    typeof signature === 'string' &&
    isMembers(checkpoint) &&
    Number.isSafeInteger(checkpoint['number']) &&
    typeof checkpoint['previous'] === 'string' &&
    isListOf(checkpoint['heads'], isHead)
  );
}
