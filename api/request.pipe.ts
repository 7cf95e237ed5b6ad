import { type ArgumentMetadata, Injectable, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { type FieldError, ProblemError } from './problem.js';

/** Shapes every body and query: unknown fields are refused, each wrong field is named by a JSON pointer. */
@Injectable()
export class RequestPipe extends ValidationPipe {
  constructor() {
    super({
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      transform: true,
      validationError: { target: false, value: false },
      exceptionFactory: (errors) => refusal(errors),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'custom') return value;
    if (metadata.type === 'body' && !isPlainObject(value)) {
      throw new ProblemError('request-invalid', {
        errors: [{ pointer: '', detail: 'expected a JSON object' }],
        detail: 'The body is not a JSON object.',
      });
    }
    if (metadata.type === 'body') mustBePlain(value, '', 0);
    if (metadata.type !== 'query') return super.transform(value, metadata);
    return super.transform(value, metadata).catch((error: unknown) => {
      throw error instanceof ProblemError ? queryRefusal(error) : error;
    });
  }
}

function queryRefusal({ parts }: ProblemError): ProblemError {
  const errors = (parts.errors ?? []).map(({ pointer, detail }) => ({
    pointer: `query ${pointer.slice(1)}`,
    detail,
  }));
  return new ProblemError('query-invalid', { ...parts, errors });
}

function refusal(errors: ValidationError[]): ProblemError {
  const fields = errors.flatMap((error) => fieldErrors(error, ''));
  const named = fields.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ');
  return new ProblemError('request-invalid', { errors: fields, detail: named });
}

function fieldErrors(error: ValidationError, above: string): FieldError[] {
  const pointer = `${above}/${escaped(error.property)}`;
  const own = Object.entries(error.constraints ?? {}).map(([rule, text]) => ({
    pointer,
    detail: detailOf(rule, text),
  }));
  const below = (error.children ?? []).flatMap((child) => fieldErrors(child, pointer));
  return [...own.slice(0, 1), ...below];
}

function detailOf(rule: string, text: string): string {
  return rule === 'whitelistValidation' ? 'unknown field' : text;
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const deepest = 8;

/**
 * What class-transformer would let pass: it drops a member named `__proto__` silently instead of refusing it as
 * unknown, and follows any depth until the stack is full.
 */
function mustBePlain(value: unknown, pointer: string, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > deepest) throw refusedField(pointer, `expected at most ${deepest} levels`);
  for (const [name, member] of Object.entries(value)) {
    if (name === '__proto__') throw refusedField(`${pointer}/${name}`, 'unknown field');
    mustBePlain(member, `${pointer}/${escaped(name)}`, depth + 1);
  }
}

function refusedField(pointer: string, detail: string): ProblemError {
  return new ProblemError('request-invalid', {
    detail: `${pointer}: ${detail}`,
    errors: [{ pointer, detail }],
  });
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
