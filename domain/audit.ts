/** One audit event as it enters a change's hash chain. `key` makes writing it twice harmless. */
export interface AuditEvent {
  changeId: string;
  key: string;
  at: string;
  actor: string;
  kind: string;
  data: Record<string, unknown>;
}

/** What is hashed: the event, its place and the hash before it. */
export interface AuditLink extends AuditEvent {
  sequence: number;
  previous: string;
}

export const genesis = '0'.repeat(64);
