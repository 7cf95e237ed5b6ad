import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiHeader,
  ApiOperation,
  ApiPropertyOptional,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import type { Response } from 'express';
import { By } from '../auth/auth.guard.js';
import type { Caller } from '../auth/caller.js';
import { ChangeIdPipe } from '../changes/change-id.js';
import { PlanView } from '../changes/plan.view.js';
import { Changes } from '../changes/changes.service.js';
import { Name, planHashText } from '../fields.js';
import { ProblemError } from '../problem.js';
import { Problems } from '../problems.decorator.js';
import { EventStream } from './event-stream.js';
import { Follow } from './follow.service.js';
import { EvidenceView, TimelineView } from './progress.view.js';
import { Progress } from './progress.service.js';

export class PlanQueryDto {
  @ApiPropertyOptional({ description: 'An earlier plan of the change; absent: the newest' })
  @IsOptional()
  @Name(planHashText, "a plan's hash")
  planHash?: string;
}

@ApiTags('progress')
@ApiBearerAuth()
@Controller('v1/changes/:id')
export class ProgressController {
  constructor(
    private readonly progress: Progress,
    private readonly changes: Changes,
    private readonly follow: Follow,
  ) {}

  @Get('plan')
  @ApiOperation({
    operationId: 'getPlan',
    summary: 'The plan: steps with their native commands, what is lost meanwhile, risks, what policy demands',
  })
  @ApiResponse({ status: 200, type: PlanView })
  @Problems(400, 404)
  plan(@Param('id', ChangeIdPipe) id: string, @Query() { planHash }: PlanQueryDto): Promise<PlanView> {
    return this.progress.plan(id, planHash);
  }

  @Get('timeline')
  @ApiOperation({
    operationId: 'getTimeline',
    summary: 'What was decided and done, with attempts, replies and evidence of each step',
  })
  @ApiResponse({ status: 200, type: TimelineView })
  @Problems(404)
  timeline(@Param('id', ChangeIdPipe) id: string): Promise<TimelineView> {
    return this.progress.timeline(id);
  }

  @Get('evidence')
  @ApiOperation({
    operationId: 'getEvidence',
    summary: 'What was observed before and after, and how the two differ',
  })
  @ApiResponse({ status: 200, type: EvidenceView })
  @Problems(404)
  evidence(@Param('id', ChangeIdPipe) id: string): Promise<EvidenceView> {
    return this.progress.evidence(id);
  }

  @Get('events')
  @ApiOperation({
    operationId: 'followChange',
    summary: 'Live progress as server-sent events',
    description:
      'Begins with `snapshot` (change and steps), then one event for each audit event (its kind is the event name, its sequence the id), after each batch `change` with the newest change and steps, and `end` when the change is closed. It ends with the token it was asked for with. With Last-Event-ID it goes on after that event, without a snapshot; 204 if the change is closed and there is nothing more.',
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'Id of the last event that was received',
  })
  @ApiResponse({ status: 200, content: { 'text/event-stream': { schema: { type: 'string' } } } })
  @ApiResponse({ status: 204, description: 'The change is closed and all its events were received' })
  @Problems(400, 404)
  async events(
    @Param('id', ChangeIdPipe) id: string,
    @By() by: Caller,
    @Res() response: Response,
    @Headers('last-event-id') lastEventId?: string,
  ): Promise<void> {
    const from = sequenceOf(lastEventId);
    const change = await this.changes.get(id);
    if (
      from !== null &&
      change.state === 'closed' &&
      (await this.progress.eventsAfter(id, from)).length === 0
    ) {
      return void response.status(204).end();
    }
    await this.follow.stream(new EventStream(response, by.validUntil), id, from);
  }
}

function sequenceOf(lastEventId: string | undefined): number | null {
  if (lastEventId === undefined || lastEventId === '') return null;
  if (/^\d{1,15}$/.test(lastEventId)) return Number(lastEventId);
  const detail = 'expected the id of an event of this change';
  throw new ProblemError('query-invalid', {
    detail: `header Last-Event-ID: ${detail}`,
    errors: [{ pointer: 'header Last-Event-ID', detail }],
  });
}
