import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { ChangeState } from '../../domain/change.js';
import { Resolution } from '../../workflows/contract.js';
import { idText, Name, OneLine } from '../fields.js';

export class StopDto {
  @ApiProperty({ maxLength: 500, description: 'Why; kept in the audit chain' })
  @OneLine(500)
  reason!: string;
}

export class ResolveDto {
  @ApiProperty({
    enum: Object.values(Resolution),
    description:
      'retry: the remaining steps, through the gate; undo; accept what is observed; skip what could not be undone. The last two need a second operator.',
  })
  @IsIn(Object.values(Resolution), { message: `expected one of ${Object.values(Resolution).join(', ')}` })
  resolution!: Resolution;

  @ApiProperty({ maxLength: 500 })
  @OneLine(500)
  reason!: string;

  @ApiPropertyOptional({
    description: 'Confirms what another operator proposed: the `proposal` of that answer',
  })
  @IsOptional()
  @Name(idText, 'the `proposal` of the answer to another operator')
  proposal?: string;
}

export class OrderView {
  @ApiProperty()
  changeId!: string;

  @ApiProperty({
    enum: Object.values(ChangeState),
    description: 'Where the change stood when it took the order',
  })
  state!: ChangeState;

  @ApiProperty({ enum: ['accepted', 'needs a second person'] })
  status!: 'accepted' | 'needs a second person';

  @ApiPropertyOptional({ description: 'For the second operator: send it with the same resolution' })
  proposal?: string;
}
