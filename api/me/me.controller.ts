import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Role } from '../auth/access.js';
import { By } from '../auth/auth.guard.js';
import type { Caller } from '../auth/caller.js';
import { Problems } from '../problems.decorator.js';
import { IdentityView } from '../views.js';

export class MeView implements Omit<Caller, 'validUntil'> {
  @ApiProperty({ type: IdentityView })
  identity!: IdentityView;

  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: Object.values(Role), isArray: true })
  roles!: Role[];

  @ApiProperty({ type: [String] })
  groups!: string[];

  @ApiProperty({ description: 'A program without a person: it may submit, never review' })
  machine!: boolean;
}

@ApiTags('me')
@ApiBearerAuth()
@Controller('v1/me')
export class MeController {
  @Get()
  @ApiOperation({ operationId: 'getMe', summary: 'Who the token says the caller is' })
  @ApiResponse({ status: 200, type: MeView })
  @Problems()
  me(@By() by: Caller): MeView {
    const { validUntil: _, ...me } = by;
    return me;
  }
}
