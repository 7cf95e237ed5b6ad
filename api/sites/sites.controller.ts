import { applyDecorators, Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { By } from '../auth/auth.guard.js';
import type { Caller } from '../auth/caller.js';
import { StopDto } from '../changes/order.dto.js';
import { Problems } from '../problems.decorator.js';
import { SiteListView, SiteView } from './site.view.js';
import { Sites } from './sites.service.js';

function Switch(verb: string, summary: string): MethodDecorator {
  return applyDecorators(
    Post(`:id\\:${verb}`),
    HttpCode(200),
    ApiOperation({ operationId: `${verb}Site`, summary }),
    ApiResponse({ status: 200, type: SiteView }),
    Problems(404, 413, 415, 422),
  );
}

@ApiTags('estate')
@ApiBearerAuth()
@Controller('v1/sites')
export class SitesController {
  constructor(private readonly sites: Sites) {}

  @Get()
  @ApiOperation({ operationId: 'listSites', summary: 'Sites of the estate, and which are on hold' })
  @ApiResponse({ status: 200, type: SiteListView })
  @Problems()
  async list(): Promise<SiteListView> {
    return { items: await this.sites.list() };
  }

  @Switch('hold', 'Hold everything on a site: running changes stop after their step, no other begins')
  hold(@Param('id') id: string, @Body() { reason }: StopDto, @By() by: Caller): Promise<SiteView> {
    return this.sites.hold(id, reason, by);
  }

  @Switch('release', 'Let the changes of a site go on')
  release(@Param('id') id: string, @By() by: Caller): Promise<SiteView> {
    return this.sites.release(id, by);
  }
}
