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
    return super.transform(value, metadata);
  }
}

function refusal(errors: ValidationError[]): ProblemError {
  const fields = errors.flatMap((error) => fieldErrors(error, ''));
  const named = fields.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ');
  return new ProblemError('request-invalid', { errors: fields, detail: named });
}

function fieldErrors(error: ValidationError, above: string): FieldError[] {
  const pointer = `${above}/${error.property.replaceAll('~', '~0').replaceAll('/', '~1')}`;
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
