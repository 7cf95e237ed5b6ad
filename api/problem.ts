import type { Failure, Reason } from '../domain/failures.js';
import { isReason, reasons } from '../domain/failures.js';

/** One field that is wrong: a JSON pointer into the body, or `header NAME` / `query NAME` in words. */
export interface FieldError {
  pointer: string;
  detail: string;
}

/** RFC 9457 problem document; `type` is stable, `code` is its last part. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  errors: FieldError[];
  retryable: boolean;
  remediation: string;
}

interface CodeFacts {
  status: number;
  title: string;
  remedy: string;
  retryable?: boolean;
}

/** What only the API says. Reasons of the domain come from domain/failures.ts. */
export const apiCodes = {
  'request-malformed': {
    status: 400,
    title: 'The body is not JSON',
    remedy: 'Send one JSON document in UTF-8.',
  },
  'query-invalid': {
    status: 400,
    title: 'The query is not well formed',
    remedy: 'Correct the parameter that is named.',
  },
  unauthenticated: {
    status: 401,
    title: 'No valid access token',
    remedy:
      'Send `Authorization: Bearer TOKEN` with an access token of the configured issuer; `slipway token` gets one from the local issuer.',
  },
  forbidden: {
    status: 403,
    title: 'This role may not do that',
    remedy: 'Ask somebody who has the role that is named.',
  },
  'not-your-change': {
    status: 403,
    title: 'Only its requester may do that',
    remedy: 'Ask the requester, or an operator to cancel it.',
  },
  'machine-may-not-review': {
    status: 403,
    title: 'A program can’t review',
    remedy: 'Review as a person: with a token issued to one.',
  },
  'own-change': {
    status: 403,
    title: 'Nobody reviews a change they asked for or shaped',
    remedy: 'Have somebody else review it.',
  },
  'route-unknown': { status: 404, title: 'There is no such address', remedy: 'See /v1/openapi.json.' },
  'change-unknown': {
    status: 404,
    title: 'There is no such change',
    remedy: 'Use an id shown by `slipway change list`.',
  },
  'site-unknown': {
    status: 404,
    title: 'The estate has no such site',
    remedy: 'Use a site id of the estate.',
  },
  'plan-missing': {
    status: 404,
    title: 'The change has no plan yet',
    remedy: 'Wait until it awaits review; a refused change says why in `failures`.',
  },
  'not-now': {
    status: 409,
    title: 'The change is in a state in which this is not possible',
    remedy: 'Look at the change again: `slipway change get ID`.',
  },
  'review-closed': {
    status: 409,
    title: 'The change is not open for review',
    remedy: 'Nothing to do: it was decided, withdrawn, or has begun.',
  },
  'stale-plan': {
    status: 409,
    title: 'The review was made for another plan',
    remedy: 'Read the newest plan and review its hash.',
  },
  'already-decided': {
    status: 409,
    title: 'This person has already decided',
    remedy: 'Nothing to do; an approve can still be turned into a reject before the first act.',
  },
  'second-person-needed': {
    status: 409,
    title: 'This needs a second person',
    remedy: 'Another operator must confirm the proposal.',
  },
  'proposal-invalid': {
    status: 409,
    title: 'There is no such proposal for this change',
    remedy: 'Propose the resolution again.',
  },
  'etag-stale': {
    status: 412,
    title: 'The change has moved on',
    remedy: 'Read it again and send its new ETag, or leave If-Match out.',
  },
  'payload-too-large': {
    status: 413,
    title: 'The body is too large',
    remedy: 'A request has at most 64 KiB.',
  },
  'media-type-unsupported': {
    status: 415,
    title: 'The body is not JSON',
    remedy: 'Send `Content-Type: application/json`.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'This Idempotency-Key was used for another body',
    remedy: 'Use a new key for a new request.',
  },
  'comment-missing': {
    status: 422,
    title: 'A reject needs a comment',
    remedy: 'Say in `comment` what is wrong with the plan.',
  },
  'internal-error': {
    status: 500,
    title: 'The API failed',
    remedy:
      'Give the operators the time and the instance; nothing is known about the outcome, so look before you repeat it.',
  },
  'worker-silent': {
    status: 503,
    title: 'No worker answered in time',
    remedy: 'Start a worker. The order may still be carried out: look at the change before you repeat it.',
    retryable: true,
  },
  'temporal-down': {
    status: 503,
    title: 'Temporal does not answer',
    remedy: 'Start Temporal, then repeat.',
    retryable: true,
  },
  'issuer-down': {
    status: 503,
    title: 'The issuer’s keys can’t be read',
    remedy: 'Start the OIDC issuer or correct OIDC_ISSUER, then repeat.',
    retryable: true,
  },
} as const satisfies Record<string, CodeFacts>;

export type ApiCode = keyof typeof apiCodes;

/** The status of a reason that reaches a caller; what is not named here is a conflict with the world: 409. */
const reasonStatus: Partial<Record<Reason, number>> = {
  'request-invalid': 422,
  'host-unknown': 422,
  'vm-unknown': 422,
  'device-unknown': 422,
  'action-unsupported': 422,
  'window-past': 422,
  'review-forged': 403,
  'register-down': 503,
  'site-stalled': 503,
  'host-unreachable': 503,
};

export interface ProblemParts {
  detail?: string;
  errors?: FieldError[];
  instance?: string;
}

/** Thrown anywhere in the API; failure.filter.ts writes it. */
export class ProblemError extends Error {
  constructor(
    readonly code: ApiCode | Reason,
    readonly parts: ProblemParts = {},
    options?: { cause?: unknown },
  ) {
    super(parts.detail ?? code, options);
    this.name = 'ProblemError';
  }
}

export function problemOf(code: ApiCode | Reason, parts: ProblemParts & { instance: string }): Problem {
  const facts = factsOf(code);
  return {
    type: `urn:slipway:problem:${code}`,
    title: facts.title,
    status: facts.status,
    detail: parts.detail ?? facts.title,
    instance: parts.instance,
    code,
    errors: parts.errors ?? [],
    retryable: facts.retryable,
    remediation: facts.remedy,
  };
}

/** A failure of the domain as a problem; the field, if any, becomes a JSON pointer. */
export function failureProblem(failure: Failure, instance: string): Problem {
  const field = failure.where?.field;
  const errors = field ? [{ pointer: `/${field}`, detail: failure.message }] : [];
  return problemOf(failure.reason, { instance, detail: failure.message, errors });
}

function factsOf(code: ApiCode | Reason): Required<CodeFacts> {
  if (isReason(code)) return { ...reasons[code], status: reasonStatus[code] ?? 409 };
  return { retryable: false, ...apiCodes[code] };
}
