import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiPropertyOptional, ApiResponse, ApiTags } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { listDevices } from '../../records/estate-view.js';
import { PageQueryDto } from '../changes/change-query.dto.js';
import { deviceText, hostName, Name, vmName } from '../fields.js';
import { Problems } from '../problems.decorator.js';
import { Register } from '../register.module.js';
import { DevicePageView, deviceView } from './device.view.js';

export class DeviceQueryDto extends PageQueryDto {
  @ApiPropertyOptional()
  @IsOptional()
  @Name(hostName, 'a site id')
  site?: string;

  @ApiPropertyOptional()
  @IsOptional()
  @Name(hostName, 'a host id')
  host?: string;

  @ApiPropertyOptional({ description: 'Held by the VM of this name, as last known' })
  @IsOptional()
  @Name(vmName, 'a VM name')
  vm?: string;

  @ApiPropertyOptional({ description: 'An address or alias' })
  @IsOptional()
  @Name(deviceText, 'an address or alias')
  device?: string;

  @ApiPropertyOptional({ enum: ['true', 'false'] })
  @IsOptional()
  @IsIn(['true', 'false'], { message: 'expected true or false' })
  quarantined?: 'true' | 'false';
}

@ApiTags('estate')
@ApiBearerAuth()
@Controller('v1/devices')
export class DevicesController {
  constructor(private readonly register: Register) {}

  @Get()
  @ApiOperation({ operationId: 'listDevices', summary: 'Devices by host and address, as last seen' })
  @ApiResponse({ status: 200, type: DevicePageView })
  @Problems(400)
  async list(@Query() { quarantined, ...filter }: DeviceQueryDto): Promise<DevicePageView> {
    const { items, next } = await listDevices(this.register.db, {
      ...filter,
      ...(quarantined ? { quarantined: quarantined === 'true' } : {}),
    });
    return { items: items.map(deviceView), next };
  }
}
