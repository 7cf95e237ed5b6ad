import { ApiProblem, CliError, Exit, exitOfStatus } from '../exit.js';
import { plain } from './text.js';

/** What went wrong, where, and what to do about it: three lines on standard error. */
export function explain(error: unknown): { text: string; exit: Exit } {
  if (error instanceof ApiProblem) {
    const { title, code, detail, errors, remediation, status } = error.problem;
    const fields = errors.map((field) => `  ${field.pointer || '(body)'}: ${field.detail}`);
    const told = fields.length > 0 || detail === title ? fields : [`  ${detail}`];
    return { text: lines(`${title} (${code})`, told, remediation), exit: exitOfStatus(status) };
  }
  if (error instanceof CliError) return { text: lines(error.message, [], error.remedy), exit: error.exit };
  const message = error instanceof Error ? error.message : String(error);
  return {
    text: lines(message, [], 'nothing is known about the outcome: look before you repeat it'),
    exit: Exit.error,
  };
}

function lines(title: string, details: string[], remedy: string): string {
  return [`error: ${title}`, ...details, `  remedy: ${remedy}`].map(plain).join('\n');
}
