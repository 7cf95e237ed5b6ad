import { Body, Controller, Get, Headers, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { By } from '../auth/auth.guard.js';
import type { Caller } from '../auth/caller.js';
import { idText } from '../fields.js';
import { ProblemError } from '../problem.js';
import { Problems } from '../problems.decorator.js';
import { ChangeIdPipe } from './change-id.js';
import { ChangeQueryDto } from './change-query.dto.js';
import { ChangeRequestDto } from './change-request.dto.js';
import { ChangePageView, ChangeView, etagOf } from './change.view.js';
import { Changes } from './changes.service.js';
import { NewChanges } from './new-changes.service.js';

@ApiTags('changes')
@ApiBearerAuth()
@Controller('v1/changes')
export class ChangesController {
  constructor(
    private readonly changes: Changes,
    private readonly newChanges: NewChanges,
  ) {}

  @Post()
  @ApiOperation({ operationId: 'createChange', summary: 'Ask for a change' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description:
      '8 to 64 of A-Z a-z 0-9 _ -; the same key with the same body gives the change of the first time. Without one every request is a new change.',
  })
  @ApiResponse({
    status: 201,
    type: ChangeView,
    headers: {
      Location: { description: 'The change', schema: { type: 'string' } },
      ETag: { schema: { type: 'string' } },
    },
  })
  @Problems(400, 413, 415, 422)
  async create(
    @Body() body: ChangeRequestDto,
    @By() by: Caller,
    @Headers('idempotency-key') key: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ChangeView> {
    mustBeKey(key);
    const { change, created } = await this.newChanges.create(body, by, key);
    response.setHeader('location', `/v1/changes/${change.id}`).setHeader('etag', etagOf(change));
    if (!created) response.setHeader('idempotency-replayed', 'true');
    return this.changes.view(change);
  }

  @Get()
  @ApiOperation({ operationId: 'listChanges', summary: 'Changes, newest first' })
  @ApiResponse({ status: 200, type: ChangePageView })
  @Problems(400)
  list(@Query() query: ChangeQueryDto, @By() by: Caller): Promise<ChangePageView> {
    return this.changes.list(query, by);
  }

  @Get(':id')
  @ApiOperation({ operationId: 'getChange', summary: 'One change' })
  @ApiHeader({
    name: 'If-None-Match',
    required: false,
    description: 'An ETag: 304 if nothing has changed since',
  })
  @ApiResponse({ status: 200, type: ChangeView, headers: { ETag: { schema: { type: 'string' } } } })
  @Problems(404)
  async get(
    @Param('id', ChangeIdPipe) id: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ChangeView | undefined> {
    const change = await this.changes.get(id);
    response.setHeader('etag', etagOf(change)).setHeader('cache-control', 'no-cache');
    if (request.headers['if-none-match'] === etagOf(change)) return void response.status(304);
    return this.changes.view(change);
  }
}

function mustBeKey(key: string | undefined): void {
  if (key === undefined || idText.test(key)) return;
  const detail = 'expected 8 to 64 of A-Z a-z 0-9 _ -';
  throw new ProblemError('request-invalid', {
    detail: `header Idempotency-Key: ${detail}`,
    errors: [{ pointer: 'header Idempotency-Key', detail }],
  });
}
