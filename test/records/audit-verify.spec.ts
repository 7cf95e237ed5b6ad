import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AuditDefect,
  type AuditExport,
  type ChainedEvent,
  type Checkpoint,
  genesis,
  linkText,
  type SignedCheckpoint,
} from '../../domain/audit.js';
import { verifyExport } from '../../domain/audit-verify.js';
import { canonicalJson } from '../../domain/canonical.js';
import { sha256 } from '../../records/documents.js';
import { later, noon } from './samples.js';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');

function chain(changeId: string, length: number): ChainedEvent[] {
  const events: ChainedEvent[] = [];
  for (let sequence = 1; sequence <= length; sequence += 1) {
    const previous = events.at(-1)?.hash ?? genesis;
    const at = later(sequence);
    const link = {
      changeId,
      key: `key-${sequence}`,
      at,
      actor: 'slipway',
      kind: 'test',
      data: { sequence },
      sequence,
      previous,
    };
    events.push({ ...link, hash: sha256(linkText(link)) });
  }
  return events;
}

function headOf(events: readonly ChainedEvent[]) {
  const { changeId, sequence, hash } = events.at(-1)!;
  return { changeId, sequence, hash };
}

function checkpoint(number: number, previous: string, ...chains: ChainedEvent[][]): SignedCheckpoint {
  const content: Checkpoint = { version: 1, number, at: noon, previous, heads: chains.map(headOf) };
  const text = canonicalJson(content);
  return {
    checkpoint: content,
    digest: sha256(text),
    signature: sign(null, Buffer.from(text), privateKey).toString('base64url'),
  };
}

/** Two chains, the first grown between two checkpoints. */
function sound(): AuditExport {
  const a = chain('change-a', 5);
  const b = chain('change-b', 3);
  const first = checkpoint(1, genesis, a.slice(0, 3), b);
  const second = checkpoint(2, first.digest, a);
  return { version: 1, events: [...a, ...b], heads: [headOf(a), headOf(b)], checkpoints: [first, second] };
}

function judge(document: unknown, key = publicKey) {
  return verifyExport(document as AuditExport, sha256, (text, signature) =>
    verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url')),
  );
}

function kindsOf(defects: AuditDefect[]): string[] {
  return [...new Set(defects.map((defect) => defect.kind))].sort();
}

describe('the verifier', () => {
  it('finds nothing in a sound export', () => {
    expect(judge(sound())).toEqual({
      verified: true,
      events: 8,
      chains: 2,
      checkpoints: 2,
      signaturesChecked: true,
      defects: [],
    });
  });

  const tamperings: [string, (document: AuditExport) => void, string[]][] = [
    ['a changed actor', ({ events }) => (events[1]!.actor = 'somebody'), ['event-changed']],
    ['changed data', ({ events }) => (events[1]!.data = { sequence: 9 }), ['event-changed']],
    [
      'a field the hash does not cover',
      ({ events }) => Object.assign(events[1]!, { note: 'approved' }),
      ['malformed'],
    ],
    ['a deleted event', ({ events }) => events.splice(1, 1), ['event-missing']],
    ['a deleted first event', ({ events }) => events.splice(0, 1), ['event-missing']],
    ['swapped events', ({ events }) => events.splice(1, 2, events[2]!, events[1]!), ['order-wrong']],
    ['a repeated event', ({ events }) => events.splice(1, 0, events[1]!), ['event-repeated']],
    ['a cut tail', ({ events }) => events.splice(4, 1), ['tail-missing']],
    [
      'a cut tail with a mended head',
      (document) => {
        document.events.splice(4, 1);
        document.heads[0] = headOf(document.events.slice(0, 4));
      },
      ['tail-missing'],
    ],
    [
      'an event put behind the head',
      ({ heads }) => heads.splice(0, 1, headOf(chain('change-a', 4))),
      ['head-differs'],
    ],
    ['a chain without a head', ({ heads }) => heads.pop(), ['head-differs']],
    ['a whole chain gone', (document) => document.events.splice(5, 3), ['tail-missing']],
    [
      'a chain rewritten from one event on, with all hashes mended',
      (document) => {
        const events = chain('change-a', 5);
        events[2]!.data = { forged: true };
        for (let index = 2; index < 5; index += 1) {
          events[index]!.previous = events[index - 1]!.hash;
          events[index]!.hash = sha256(linkText(events[index]!));
        }
        document.events.splice(0, 5, ...events);
        document.heads[0] = headOf(events);
      },
      ['event-changed'],
    ],
    [
      'a chain spliced onto another history',
      ({ events }) => {
        const link = { ...events[2]!, previous: genesis };
        events[2] = { ...link, hash: sha256(linkText(link)) };
      },
      ['event-changed', 'link-broken'],
    ],
    [
      'a changed checkpoint',
      ({ checkpoints }) => (checkpoints[0]!.checkpoint.at = later(9)),
      ['checkpoint-changed', 'signature-wrong'],
    ],
    [
      'a changed checkpoint with a mended digest',
      ({ checkpoints }) => {
        checkpoints[1]!.checkpoint.at = later(9);
        checkpoints[1]!.digest = sha256(canonicalJson(checkpoints[1]!.checkpoint));
      },
      ['signature-wrong'],
    ],
    ['a dropped checkpoint', ({ checkpoints }) => checkpoints.shift(), ['checkpoint-missing']],
    [
      'swapped checkpoints',
      ({ checkpoints }) => checkpoints.reverse(),
      ['checkpoint-missing', 'order-wrong'],
    ],
    [
      'a checkpoint that follows another one',
      (document) => (document.checkpoints[1] = checkpoint(2, genesis, chain('change-a', 5))),
      ['link-broken'],
    ],
  ];

  it.each(tamperings)('finds %s', (_, tamper, kinds) => {
    const document = sound();
    tamper(document);
    const verdict = judge(document);
    expect(verdict.verified).toBe(false);
    expect(kindsOf(verdict.defects)).toEqual(kinds);
  });

  it('does not take the signature of another key', () => {
    expect(kindsOf(judge(sound(), stranger.publicKey).defects)).toEqual(['signature-wrong']);
  });

  it('says that it did not look at signatures when it was given no key', () => {
    expect(verifyExport(sound(), sha256)).toMatchObject({ verified: true, signaturesChecked: false });
  });

  it('finds an event of another change in the export of one', () => {
    expect(kindsOf(judge({ ...sound(), changeId: 'change-a', checkpoints: [] }).defects)).toEqual([
      'malformed',
    ]);
  });

  it('finds any single character that was changed in the events, wherever it is', () => {
    const text = JSON.stringify(sound().events);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...'0aZ,"{]-.'), (place, letter) => {
        fc.pre(text[place] !== letter);
        const changed = text.slice(0, place) + letter + text.slice(place + 1);
        let events: unknown;
        try {
          events = JSON.parse(changed);
        } catch {
          return;
        }
        // Another spelling of the same data is the same record.
        fc.pre(canonicalJson(events) !== canonicalJson(sound().events));
        expect(judge({ ...sound(), events }).verified).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws, whatever it is given', () => {
    const parts = fc.record({
      version: fc.constantFrom(1, 2),
      events: fc.anything(),
      heads: fc.anything(),
      checkpoints: fc.anything(),
    });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), parts), (document) => {
        expect(typeof judge(document).verified).toBe('boolean');
      }),
    );
    for (const broken of [{ heads: [null] }, { events: [{}] }, { checkpoints: [{ checkpoint: {} }] }]) {
      expect(judge({ ...sound(), ...broken }).defects).toMatchObject([{ kind: 'malformed' }]);
    }
  });
});
