import { Body, Controller, Get, Param, Post, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { listReviews } from '../../records/reviews.js';
import { By } from '../auth/auth.guard.js';
import type { Caller } from '../auth/caller.js';
import { ChangeIdPipe } from '../changes/change-id.js';
import { Changes } from '../changes/changes.service.js';
import { Problems } from '../problems.decorator.js';
import { Register } from '../register.module.js';
import { ReviewAnswerView, ReviewDto, ReviewListView } from './review.dto.js';
import { Reviews } from './reviews.service.js';

@ApiTags('reviews')
@ApiBearerAuth()
@Controller('v1/changes/:id/reviews')
export class ReviewsController {
  constructor(
    private readonly reviews: Reviews,
    private readonly changes: Changes,
    private readonly register: Register,
  ) {}

  @Post()
  @ApiOperation({ operationId: 'reviewChange', summary: 'Approve or reject one plan of a change' })
  @ApiResponse({ status: 200, type: ReviewAnswerView, description: 'Counted; says what is still missing' })
  @ApiResponse({
    status: 202,
    type: ReviewAnswerView,
    description: 'Recorded, not yet counted: no worker answered in 3 s; it counts when one does',
  })
  @Problems(404, 409, 413, 415, 422)
  async review(
    @Param('id', ChangeIdPipe) id: string,
    @Body() body: ReviewDto,
    @By() by: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReviewAnswerView> {
    const answer = await this.reviews.review(id, body, by);
    response
      .status(answer.status === 'counted' ? 200 : 202)
      .setHeader('location', `/v1/changes/${id}/reviews`);
    return answer;
  }

  @Get()
  @ApiOperation({ operationId: 'listReviews', summary: 'Who decided what, and whether it counted' })
  @ApiResponse({ status: 200, type: ReviewListView })
  @Problems(404)
  async list(@Param('id', ChangeIdPipe) id: string): Promise<ReviewListView> {
    await this.changes.get(id);
    const items = await listReviews(this.register.db, id);
    return {
      items: items.map(({ decision, outcome, refusal }) => {
        const {
          signature: _signature,
          version: _version,
          changeId: _change,
          groups: _groups,
          ...shown
        } = decision;
        return { ...shown, outcome, refusal };
      }),
    };
  }
}
