import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { type Failure, SlipwayError } from '../domain/failures.js';
import { RecordConflict } from '../records/conflict.js';
import { type ApiCode, failureProblem, type Problem, ProblemError, problemOf } from './problem.js';

/** The one door from a reason, or from anything thrown, to an RFC 9457 problem. */
@Catch()
export class FailureFilter implements ExceptionFilter {
  private readonly log = new Logger('FailureFilter');

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const problem = toProblem(thrown, request.path, request.method);
    this.note(thrown, problem, request);
    if (response.headersSent) return void response.end();
    if (problem.status === 401) response.setHeader('www-authenticate', 'Bearer error="invalid_token"');
    if (problem.status === 503) response.setHeader('retry-after', '5');
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  }

  /** What nobody foresaw is logged in full here and told to the caller without its text, which could hold anything. */
  private note(thrown: unknown, problem: Problem, request: Request): void {
    if (problem.code === 'internal-error') {
      this.log.error({ err: thrown, method: request.method, instance: problem.instance }, 'a request failed');
    } else if (problem.status === 401 || problem.status === 403 || problem.status === 503) {
      this.log.warn(
        { code: problem.code, detail: problem.detail, method: request.method, instance: problem.instance },
        'refused',
      );
    }
  }
}

export function toProblem(thrown: unknown, instance: string, method = 'POST'): Problem {
  if (thrown instanceof ProblemError) return problemOf(thrown.code, { ...thrown.parts, instance });
  if (thrown instanceof SlipwayError) {
    return method === 'GET'
      ? queryProblem(thrown.failure, instance)
      : failureProblem(thrown.failure, instance);
  }
  if (thrown instanceof RecordConflict) return conflictProblem(thrown, instance);
  const code =
    bodyCodes[bodyErrorType(thrown)] ??
    (thrown instanceof HttpException ? codeOfStatus(thrown.getStatus()) : null);
  if (code)
    return problemOf(code, { instance, detail: thrown instanceof Error ? thrown.message : undefined });
  return problemOf('internal-error', { instance });
}

/** What is not well formed in a GET can only be its query. */
function queryProblem(failure: Failure, instance: string): Problem {
  if (failure.reason !== 'request-invalid') return failureProblem(failure, instance);
  const errors = [{ pointer: `query ${failure.where?.field ?? ''}`.trim(), detail: failure.message }];
  return problemOf('query-invalid', { instance, detail: failure.message, errors });
}

function conflictProblem(conflict: RecordConflict, instance: string): Problem {
  const detail = `${conflict.what} ${conflict.id} was used before, for ${conflict.existing}`;
  return problemOf('idempotency-key-reused', { instance, detail });
}

/** How Express's body parser names what it refused. */
const bodyCodes: Record<string, ApiCode> = {
  'entity.too.large': 'payload-too-large',
  'entity.parse.failed': 'request-malformed',
  'entity.verify.failed': 'request-malformed',
  'request.aborted': 'request-malformed',
  'request.size.invalid': 'request-malformed',
  'encoding.unsupported': 'media-type-unsupported',
  'charset.unsupported': 'media-type-unsupported',
};

function bodyErrorType(thrown: unknown): string {
  const type = (thrown as { type?: unknown } | null)?.type;
  return typeof type === 'string' ? type : '';
}

/** Nest's own exceptions: a route nobody has, a path that does not decode. */
function codeOfStatus(status: number): ApiCode | null {
  if (status === 404) return 'route-unknown';
  if (status === 413) return 'payload-too-large';
  if (status === 415) return 'media-type-unsupported';
  return status === 400 ? 'request-malformed' : null;
}
