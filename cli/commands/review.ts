import type { Command } from 'commander';
import { showReview } from '../show/change.js';
import { print } from '../show/text.js';
import { contextOf, example } from './context.js';

export function addReviewCommands(program: Command): void {
  const review = program.command('review').description('decide on the plan of a change');
  addDecision(review, 'approve', 'let this plan be run', '');
  addDecision(
    review,
    'reject',
    'let this plan never be run; say why',
    " --comment 'not in the quarter-end freeze'",
  );
}

function addDecision(review: Command, decision: 'approve' | 'reject', what: string, more: string): void {
  review
    .command(`${decision} <change>`)
    .description(what)
    .requiredOption('--plan-hash <hash>', 'the plan you read: a review never counts for another one')
    .option('--comment <text>', decision === 'reject' ? 'what is wrong; needed' : 'for the record')
    .option('--decision-id <id>', 'your own id, so that a repetition counts once')
    .addHelpText(
      'after',
      example(`review ${decision} chg_01kb2m4x8q3v5w7y9z1a2b3c4d --plan-hash 3f9a…c2${more}`),
    )
    .action(async (id: string, { planHash, comment, decisionId }: DecisionOptions, command: Command) => {
      const { api, options } = contextOf(command);
      const optional = { ...(comment ? { comment } : {}), ...(decisionId ? { decisionId } : {}) };
      print(await api.review(id, { decision, planHash, ...optional }), options, showReview);
    });
}

interface DecisionOptions {
  planHash: string;
  comment?: string;
  decisionId?: string;
}
