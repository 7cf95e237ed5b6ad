import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import { ChangeState } from '../../domain/change.js';
import { deviceText, hostName, Name, vmName } from '../fields.js';

export const mostItems = 200;
const cursorText = /^[A-Za-z0-9_=.:-]{1,512}$/;
const limitExpected = { message: `expected a number from 1 to ${mostItems}` };

/** `cursor` and `limit` of every list. */
export class PageQueryDto {
  @ApiPropertyOptional({ description: '`next` of the page before' })
  @IsOptional()
  @Name(cursorText, '`next` of the page before')
  cursor?: string;

  @ApiPropertyOptional({ type: Number, minimum: 1, maximum: mostItems, default: 50 })
  @Transform(({ value }: { value: unknown }) => (/^\d{1,4}$/.test(String(value)) ? Number(value) : value))
  @IsInt(limitExpected)
  @Min(1, limitExpected)
  @Max(mostItems, limitExpected)
  limit: number = 50;
}

export class ChangeQueryDto extends PageQueryDto {
  @ApiPropertyOptional({ enum: Object.values(ChangeState) })
  @IsOptional()
  @IsIn(Object.values(ChangeState), { message: `expected one of ${Object.values(ChangeState).join(', ')}` })
  state?: ChangeState;

  @ApiPropertyOptional()
  @IsOptional()
  @Name(hostName, 'a host id')
  host?: string;

  @ApiPropertyOptional()
  @IsOptional()
  @Name(vmName, 'a VM name')
  vm?: string;

  @ApiPropertyOptional({ description: 'An address, in any spelling' })
  @IsOptional()
  @Name(deviceText, 'an address')
  device?: string;

  @ApiPropertyOptional({ enum: ['me'], description: 'Changes the caller asked for' })
  @IsOptional()
  @IsIn(['me'], { message: 'expected me' })
  requester?: 'me';

  @ApiPropertyOptional({ enum: ['me'], description: "The caller's inbox: what they may still review" })
  @IsOptional()
  @IsIn(['me'], { message: 'expected me' })
  awaitingReview?: 'me';
}
