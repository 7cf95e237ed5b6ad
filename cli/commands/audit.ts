import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { AuditExport, ExportVerdict } from '../../domain/audit.js';
import { type SignatureCheck, verifyExport } from '../../domain/audit-verify.js';
import { CliError, Exit } from '../exit.js';
import type { AuditPageView } from '../schemas.js';
import { pairs, plain, print, table } from '../show/text.js';
import { contextOf, example } from './context.js';

export function addAuditCommands(program: Command): void {
  const audit = program.command('audit').description('the tamper-evident record');
  audit
    .command('verify [file]')
    .description(
      'prove that nothing was changed, left out or put in; works offline on an exported file. Exit 1 if something was.',
    )
    .option('--change <id>', 'fetch the chain of this change; without it and without a file, all chains')
    .option('--key <file>', 'public key (PEM) of the checkpoints: also checks their signatures')
    .addHelpText(
      'after',
      example(
        'audit verify export.json --key checkpoint.pub.pem',
        'audit verify --change chg_01kb2m4x8q3v5w7y9z1a2b3c4d',
      ),
    )
    .action(async (file: string | undefined, given: { change?: string; key?: string }, command: Command) => {
      const context = contextOf(command);
      if (file && given.change)
        throw new CliError('a file and --change at once', 'leave one of them out', Exit.usage);
      const signatures = given.key ? signatureCheck(given.key) : undefined;
      const document = file ? readExport(file) : await context.api.exportAudit(given.change);
      const verdict = verifyExport(document as AuditExport, sha256, signatures);
      print(verdict, context.options, showVerdict);
      if (!verdict.verified) process.exitCode = Exit.error;
    });
  audit
    .command('export')
    .description('everything `audit verify` needs, as JSON on standard output')
    .option('--change <id>', 'only the chain of this change')
    .addHelpText('after', example('audit export > export.json'))
    .action(async ({ change }: { change?: string }, command: Command) => {
      const { api } = contextOf(command);
      process.stdout.write(`${JSON.stringify(await api.exportAudit(change))}\n`);
    });
  audit
    .command('list')
    .description('audit events, oldest first')
    .option('--change <id>', 'only of this change (or site/ID)')
    .option('--limit <number>', 'so many at most', '50')
    .option('--cursor <cursor>', 'the page after')
    .addHelpText('after', example('audit list --change chg_01kb2m4x8q3v5w7y9z1a2b3c4d'))
    .action(
      async (
        { change, limit, cursor }: { change?: string; limit: string; cursor?: string },
        command: Command,
      ) => {
        const { api, options } = contextOf(command);
        print(await api.audit({ changeId: change, limit, cursor }), options, showEvents);
      },
    );
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function signatureCheck(file: string): SignatureCheck {
  const key = publicKeyOf(file);
  return (text, signature) => verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
}

function publicKeyOf(file: string): KeyObject {
  const text = readFile(file);
  try {
    return createPublicKey(text);
  } catch {
    throw new CliError(
      `${file} holds no public key`,
      'name the PEM file of the checkpoints’ public key',
      Exit.usage,
    );
  }
}

function readExport(file: string): unknown {
  try {
    return JSON.parse(readFile(file));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`${file} is not JSON`, 'name a file written by `slipway audit export`', Exit.usage);
  }
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new CliError(`${file} can't be read: ${code}`, 'name a file that exists', Exit.usage);
  }
}

function showVerdict(verdict: ExportVerdict): string {
  const head = pairs([
    ['verdict', verdict.verified ? 'verified' : 'NOT VERIFIED'],
    ['events', verdict.events],
    ['chains', verdict.chains],
    ['checkpoints', verdict.checkpoints],
    ['signatures', verdict.signaturesChecked ? 'checked' : 'not checked (no --key)'],
  ]);
  const defects = verdict.defects.map((defect) => {
    const where = [
      defect.changeId,
      defect.sequence && `event ${defect.sequence}`,
      defect.checkpoint && `checkpoint ${defect.checkpoint}`,
    ];
    return plain(`${defect.kind}: ${where.filter(Boolean).join(', ')}: ${defect.detail}`);
  });
  return [head, ...defects].join('\n');
}

function showEvents({ items, next }: AuditPageView): string {
  const list = table(
    ['CHAIN', 'SEQ', 'AT', 'KIND', 'ACTOR'],
    items.map((event) => [event.changeId, event.sequence, event.at, event.kind, event.actor]),
  );
  return next ? `${list}\nmore: --cursor ${next}` : list;
}
