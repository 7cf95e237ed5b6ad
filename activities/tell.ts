import { createHash, type KeyObject, verify } from 'node:crypto';
import { canonicalJson } from '../domain/canonical.js';
import { isFinal } from '../domain/change.js';
import { SlipwayError } from '../domain/failures.js';
import type { ReviewRefusal, SignedDecision } from '../domain/review.js';
import { askWindow } from '../domain/window.js';
import { createChange, markStarted } from '../records/changes.js';
import {
  claim,
  type ClaimAnswer,
  type ClaimWish,
  leaveLine,
  raiseEpoch,
  releaseClaims,
} from '../records/claims.js';
import { RecordMissing } from '../records/missing.js';
import { forgetOrigins } from '../records/origins.js';
import { type ProgressEntry, recordProgress } from '../records/progress.js';
import { quarantineDevices, releaseQuarantine } from '../records/quarantine.js';
import { settleReview, storeReview } from '../records/reviews.js';
import { siteHold } from '../records/site-holds.js';
import { endStep, type StepEnd } from '../records/steps.js';
import type { DeviceChangeInput } from '../workflows/contract.js';
import { type Dependencies, now } from './dependencies.js';

export interface MayStartInput {
  site: string;
  window?: { from: string; to: string } | undefined;
  neededMs: number;
  /** The first act must have happened by then, in milliseconds since the epoch. */
  startBy: number;
}

/** What a change tells of itself; with what was asked for, by whom. */
export interface Telling extends ProgressEntry {
  asked?: Pick<DeviceChangeInput, 'request' | 'requester' | 'editors'>;
}

/** A change that goes on with something for the register tells in the same breath where it stands now. */
interface Tells {
  telling?: Telling | undefined;
}

export interface ReleaseInput extends Tells {
  changeId: string;
  /** Devices that are proven back with their host: the record of where they came from is no longer needed. */
  forget: { hostIdentity: string; addresses: string[] } | null;
}

export interface SettlementInput extends Tells {
  decision: SignedDecision;
  refusal: ReviewRefusal | null;
}

export type Tell = ReturnType<typeof createTell>;

/** Activities that only touch the register: idempotent and quick, so that they may run as local activities. */
export function createTell({ register, decisionKey }: Dependencies) {
  const { db } = register;
  return {
    async recordProgress(telling: Telling): Promise<void> {
      await record(telling);
    },

    async recordOutcome(end: StepEnd): Promise<void> {
      await endStep(db, end);
    },

    /** Whether the API signed this review. A genuine one is kept. */
    async verifyReview({ decision }: { decision: SignedDecision }): Promise<{ genuine: boolean }> {
      const genuine = isSigned(decision, decisionKey);
      if (genuine) await storeReview(db, decision);
      return { genuine };
    },

    async settleReview({ decision, refusal, telling }: SettlementInput): Promise<void> {
      const { changeId, decisionId } = decision;
      const outcome = refusal ? 'refused' : 'counted';
      await settleReview(db, { changeId, decisionId, outcome, ...(refusal ? { refusal } : {}), at: now() });
      await record(telling);
    },

    /** Asks window, freeze and the site's switch, now. `retryInMs` null means never again. */
    async mayStart(input: MayStartInput): Promise<{ go: boolean; retryInMs: number | null; why: string }> {
      const moment = Date.now();
      if (moment >= input.startBy)
        return { go: false, retryInMs: null, why: 'the time in which it could be run is over' };
      const hold = await siteHold(db, input.site);
      if (hold)
        return {
          go: false,
          retryInMs: input.startBy - moment,
          why: `site ${input.site} is on hold: ${hold.reason}`,
        };
      const answer = askWindow(input.window, moment, input.neededMs);
      return answer.open
        ? { go: true, retryInMs: 0, why: '' }
        : { go: false, retryInMs: answer.opensInMs, why: answer.why };
    },

    async claim({ telling, ...wish }: ClaimWish & Tells): Promise<ClaimAnswer> {
      await record(telling);
      return claim(db, wish);
    },

    /**
     * A change past its gate that holds nothing any more has lost its claims with the register: it gets them back if
     * nobody else has them. What happened to the devices meanwhile, every act observes before it does anything.
     */
    async raiseEpoch({ telling, ...wish }: ClaimWish & Tells): Promise<number> {
      await record(telling);
      try {
        return await raiseEpoch(db, wish.changeId);
      } catch (error) {
        if (!(error instanceof SlipwayError) || error.failure.reason !== 'stale-epoch') throw error;
        const regained = await claim(db, wish);
        if (regained.granted) return regained.epoch;
        await leaveLine(db, wish.changeId);
        throw error;
      }
    },

    /** Frees what the change held, and says whom to wake. */
    async release({ changeId, forget, telling }: ReleaseInput): Promise<{ wake: string[] }> {
      const { wake } = await releaseClaims(db, changeId);
      const behind = await leaveLine(db, changeId);
      if (forget) await forgetOrigins(db, forget.hostIdentity, forget.addresses);
      const late = await record(telling);
      return { wake: [...new Set([...wake, ...behind, ...late])] };
    },

    async quarantine(input: { changeId: string; keys: string[]; why: string }): Promise<void> {
      await quarantineDevices(
        db,
        input.changeId,
        input.keys.filter((key) => key.startsWith('device/')),
        input.why,
      );
    },

    async endQuarantine(input: { keys: string[]; reason: string }): Promise<{ wake: string[] }> {
      const devices = input.keys.filter((key) => key.startsWith('device/'));
      return { wake: await releaseQuarantine(db, devices, null, input.reason) };
    },
  };

  /**
   * A register that was lost, or set back to before this change, learns of it again from the change itself.
   * Told to be closed, it claims nothing any more; what a worker that came late claimed until then is freed here.
   * Returns whom that wakes.
   */
  async function record(telling: Telling | undefined): Promise<string[]> {
    if (!telling) return [];
    const { asked, ...entry } = telling;
    try {
      await recordProgress(db, entry);
    } catch (error) {
      if (!(error instanceof RecordMissing) || !asked) throw error;
      await storeAgain(entry, asked);
      await recordProgress(db, entry);
    }
    return isFinal(entry.state) ? (await releaseClaims(db, entry.changeId)).wake : [];
  }

  async function storeAgain({ changeId: id, at }: ProgressEntry, asked: NonNullable<Telling['asked']>) {
    const requestHash = createHash('sha256').update(canonicalJson(asked.request)).digest('hex');
    await createChange(db, { id, ...asked, requesterName: asked.requester.subject, requestHash, at });
    await markStarted(db, id, at);
  }
}

/** What can't even be read was not signed by the API: anybody who reaches Temporal may send anything. */
function isSigned(decision: SignedDecision, key: KeyObject): boolean {
  try {
    const { signature, ...signed } = decision;
    return verify(null, Buffer.from(canonicalJson(signed)), key, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}
