import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiPropertyOptional, ApiResponse, ApiTags } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { listHosts, listVms } from '../../records/estate-view.js';
import { listSiteHolds } from '../../records/site-holds.js';
import { EstateDirectory } from '../estate.module.js';
import { hostName, Name } from '../fields.js';
import { Problems } from '../problems.decorator.js';
import { Register } from '../register.module.js';
import { HostListView, hostView } from './host.view.js';

export class HostQueryDto {
  @ApiPropertyOptional()
  @IsOptional()
  @Name(hostName, 'a site id')
  site?: string;
}

@ApiTags('estate')
@ApiBearerAuth()
@Controller('v1/hosts')
export class HostsController {
  constructor(
    private readonly register: Register,
    private readonly estate: EstateDirectory,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'listHosts',
    summary: 'Hosts of the estate and those discovered, with their VMs',
  })
  @ApiResponse({ status: 200, type: HostListView })
  @Problems(400)
  async list(@Query() filter: HostQueryDto): Promise<HostListView> {
    const { db } = this.register;
    const [seen, vms, holds] = await Promise.all([
      listHosts(db, filter),
      listVms(db, filter),
      listSiteHolds(db),
    ]);
    const named = this.estate.hosts.filter((host) => !filter.site || host.site === filter.site);
    const discovered = seen.filter((host) => !named.some((one) => one.id === host.id));
    const hosts = [...named, ...discovered].sort((a, b) => (a.id < b.id ? -1 : 1));
    return {
      items: hosts.map((host) =>
        hostView(
          host,
          seen.find((one) => one.id === host.id),
          vms,
          holds.some((hold) => hold.site === host.site),
        ),
      ),
    };
  }
}
