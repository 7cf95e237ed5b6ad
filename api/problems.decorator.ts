import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import { ProblemView } from './views.js';

const always = [401, 403, 500, 503];
const meanings: Record<number, string> = {
  400: 'Not well formed',
  401: 'No valid access token',
  403: 'Not allowed',
  404: 'Not found',
  409: 'In conflict with how things stand',
  412: 'The ETag is stale',
  413: 'The body is larger than 64 KiB',
  415: 'The body is not JSON',
  422: 'A field is wrong; `errors` names it',
  500: 'The API failed',
  503: 'Something the API needs does not answer; may be tried again',
};

/** The problems of an operation in the OpenAPI document; those every operation can have are added. */
export function Problems(...statuses: number[]): MethodDecorator {
  const all = [...new Set([...statuses, ...always])].sort();
  return applyDecorators(
    ...all.map((status) =>
      ApiResponse({
        status,
        description: meanings[status],
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/ProblemView' } } },
      }),
    ),
  );
}

export const problemModels = [ProblemView];
