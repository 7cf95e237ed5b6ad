import { createHash } from 'node:crypto';
import type { Fact } from '../../domain/act.js';
import type { AuditExport } from '../../domain/audit.js';
import { verifyExport } from '../../domain/audit-verify.js';
import { compareFacts } from '../../domain/evidence.js';
import type { ApiCalls, ChangeOfApi } from './people.js';
import { asPerson } from './people.js';
import type { Place } from './place.js';

export interface StepOfReport {
  name: string;
  direction: string;
  opId: string;
  attempts: number;
  startedAt: string;
  endedAt: string | null;
  outcome: string | null;
}

/** What `--json` prints. `evidence` compares the first snapshot with the last, of a change that was undone its own two. */
export interface DemoReport {
  on: string;
  changes: {
    id: string;
    action: string;
    requester: string;
    ending: string | null;
    planHash: string | null;
    reviews: { reviewer: string; decision: string }[];
    steps: StepOfReport[];
  }[];
  evidence: { before: Fact[]; after: Fact[]; equal: boolean };
  audit: { events: number; verified: boolean };
}

export async function report(on: string, changes: ChangeOfApi[], place: Place): Promise<DemoReport> {
  const auditor = await asPerson('auditor', place);
  const evidence = await Promise.all(changes.map(({ id }) => auditor.evidence(id)));
  // What was undone is proven against the moment before that change, all else against the beginning.
  const first = changes.at(-1)?.ending === 'undone' ? evidence.at(-1) : evidence[0];
  const before = first?.before?.facts ?? [];
  const after = evidence.at(-1)?.after?.facts ?? [];
  const chains = await Promise.all(changes.map(({ id }) => auditor.audit(id)));
  return {
    on,
    changes: await Promise.all(changes.map((change) => describe(change, auditor))),
    evidence: { before, after, equal: before.length > 0 && compareFacts(before, after).length === 0 },
    audit: verifyAll(chains),
  };
}

async function describe(change: ChangeOfApi, auditor: ApiCalls): Promise<DemoReport['changes'][number]> {
  const [reviews, steps] = await Promise.all([auditor.reviews(change.id), auditor.steps(change.id)]);
  return {
    id: change.id,
    action: change.request.action,
    requester: change.requesterName,
    ending: change.ending,
    planHash: change.planHash,
    reviews,
    steps,
  };
}

function verifyAll(chains: AuditExport[]): DemoReport['audit'] {
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  const verdicts = chains.map((chain) => verifyExport(chain, digest));
  const events = verdicts.reduce((sum, verdict) => sum + verdict.events, 0);
  return { events, verified: verdicts.every((verdict) => verdict.verified) };
}
