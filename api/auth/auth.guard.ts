import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { ProblemError } from '../problem.js';
import { type Access, access, routeKey } from './access.js';
import type { Caller } from './caller.js';
import { Tokens } from './tokens.js';

interface CallerRequest extends Request {
  caller?: Caller;
}

/** Stands before every route: no row in the table, no entry. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(private readonly tokens: Tokens) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<CallerRequest>();
    const key = routeKey(request.method, (request.route as { path: string }).path);
    const row = access[key];
    if (row?.anyone) return true;
    const caller = await this.tokens.callerOf(bearerOf(request));
    request.caller = caller;
    if (!row) throw new ProblemError('forbidden', { detail: `nobody has been given ${key}` });
    mustMay(caller, row, key);
    return true;
  }
}

function bearerOf(request: Request): string {
  const header = request.headers.authorization;
  const [scheme, token, ...rest] = header?.split(' ') ?? [];
  if (!header) throw new ProblemError('unauthenticated', { detail: 'the header Authorization is missing' });
  if (scheme?.toLowerCase() !== 'bearer' || !token || rest.length > 0) {
    throw new ProblemError('unauthenticated', { detail: 'the header Authorization is not `Bearer TOKEN`' });
  }
  return token;
}

function mustMay(caller: Caller, row: Access, key: string): void {
  if (!row.roles.some((role) => caller.roles.includes(role))) {
    const has = caller.roles.join(', ') || 'none';
    throw new ProblemError('forbidden', {
      detail: `${key} needs one of the roles ${row.roles.join(', ')}; the token has ${has}`,
    });
  }
  if (row.people && caller.machine) {
    throw new ProblemError('machine-may-not-review', { detail: `${key} takes the token of a person only` });
  }
}

/** Requesters act on their own changes; the other roles of a route are not limited to theirs. */
export function mustOwn(caller: Caller, requester: Caller['identity'], key: string): void {
  const row = access[key];
  const beyondOwning = row?.roles.some((role) => role !== 'requester' && caller.roles.includes(role));
  const { issuer, subject } = caller.identity;
  if (!row?.own || beyondOwning || (issuer === requester.issuer && subject === requester.subject)) return;
  throw new ProblemError('not-your-change');
}

/** The verified caller of the request, as a parameter of a handler. */
export const By = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<CallerRequest>();
  if (!caller) throw new ProblemError('unauthenticated');
  return caller;
});
