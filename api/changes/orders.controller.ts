import { applyDecorators, Body, Controller, Headers, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { cancelUpdate, holdUpdate, withdrawUpdate } from '../../workflows/contract.js';
import { By, mustOwn } from '../auth/auth.guard.js';
import type { Caller } from '../auth/caller.js';
import { Problems } from '../problems.decorator.js';
import { ChangeIdPipe } from './change-id.js';
import { Changes } from './changes.service.js';
import { OrderView, ResolveDto, StopDto } from './order.dto.js';
import { Orders } from './orders.service.js';

/** `POST /v1/changes/{id}:verb`. The backslash keeps the colon from being read as a parameter. */
function Order(verb: string, summary: string): MethodDecorator {
  return applyDecorators(
    Post(`:id\\:${verb}`),
    HttpCode(202),
    ApiOperation({ operationId: `${verb}Change`, summary }),
    ApiHeader({
      name: 'If-Match',
      required: false,
      description: 'ETag of the change as it was last seen; 412 if it has moved on',
    }),
    ApiResponse({ status: 202, type: OrderView }),
    Problems(404, 409, 412, 413, 415, 422),
  );
}

@ApiTags('changes')
@ApiBearerAuth()
@Controller('v1/changes')
export class OrdersController {
  constructor(
    private readonly changes: Changes,
    private readonly orders: Orders,
  ) {}

  @Order('withdraw', 'Take back a change that waits; requesters their own')
  async withdraw(
    @Param('id', ChangeIdPipe) id: string,
    @Body() { reason }: StopDto,
    @By() by: Caller,
    @Headers('if-match') tag?: string,
  ): Promise<OrderView> {
    const change = await this.changes.getIfMatch(id, tag);
    mustOwn(by, change.requester, 'POST /v1/changes/{id}:withdraw');
    return this.orders.stop(withdrawUpdate, change, reason, by);
  }

  @Order('cancel', 'Stop a running change: what was done is undone; requesters their own')
  async cancel(
    @Param('id', ChangeIdPipe) id: string,
    @Body() { reason }: StopDto,
    @By() by: Caller,
    @Headers('if-match') tag?: string,
  ): Promise<OrderView> {
    const change = await this.changes.getIfMatch(id, tag);
    mustOwn(by, change.requester, 'POST /v1/changes/{id}:cancel');
    return this.orders.stop(cancelUpdate, change, reason, by);
  }

  @Order('hold', 'Stop after the current step and wait for an operator')
  async hold(
    @Param('id', ChangeIdPipe) id: string,
    @Body() { reason }: StopDto,
    @By() by: Caller,
    @Headers('if-match') tag?: string,
  ): Promise<OrderView> {
    return this.orders.stop(holdUpdate, await this.changes.getIfMatch(id, tag), reason, by);
  }

  @Order('resolve', 'Say how a held or parked change goes on')
  async resolve(
    @Param('id', ChangeIdPipe) id: string,
    @Body() body: ResolveDto,
    @By() by: Caller,
    @Headers('if-match') tag?: string,
  ): Promise<OrderView> {
    return this.orders.resolve(await this.changes.getIfMatch(id, tag), body, by);
  }
}
