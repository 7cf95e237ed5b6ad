import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiPropertyOptional, ApiResponse, ApiTags } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { auditEvents } from '../../records/audit.js';
import { exportAudit } from '../../records/audit-export.js';
import { PageQueryDto } from '../changes/change-query.dto.js';
import { chainName, Name } from '../fields.js';
import { Problems } from '../problems.decorator.js';
import { Register } from '../register.module.js';
import { AuditExportView, AuditPageView } from './audit.view.js';

const chainExpected = "a change's id, or site/ID";

export class ChainQueryDto {
  @ApiPropertyOptional({ description: chainExpected })
  @IsOptional()
  @Name(chainName, chainExpected)
  changeId?: string;
}

export class AuditQueryDto extends PageQueryDto {
  @ApiPropertyOptional({ description: chainExpected })
  @IsOptional()
  @Name(chainName, chainExpected)
  changeId?: string;
}

@ApiTags('audit')
@ApiBearerAuth()
@Controller('v1/audit')
export class AuditController {
  constructor(private readonly register: Register) {}

  @Get()
  @ApiOperation({
    operationId: 'listAudit',
    summary: 'Audit events, oldest first: of one chain, or of all in the order of time',
  })
  @ApiResponse({ status: 200, type: AuditPageView })
  @Problems(400)
  list(@Query() { changeId, cursor, limit }: AuditQueryDto): Promise<AuditPageView> {
    return auditEvents(this.register.db, {
      limit,
      ...(changeId ? { changeId } : {}),
      ...(cursor ? { after: cursor } : {}),
    });
  }

  @Get('export')
  @ApiOperation({
    operationId: 'exportAudit',
    summary: 'Everything `slipway audit verify` needs to judge one chain, or all of them',
  })
  @ApiResponse({ status: 200, type: AuditExportView })
  @Problems(400)
  export(@Query() { changeId }: ChainQueryDto): Promise<AuditExportView> {
    return exportAudit(this.register.db, changeId);
  }
}
