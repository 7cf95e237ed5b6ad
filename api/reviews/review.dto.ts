import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { MissingReviewsView } from '../changes/change.view.js';
import { idText, Name, OneLine, planHashText } from '../fields.js';
import { IdentityView } from '../views.js';

export class ReviewDto {
  @ApiProperty({ description: 'Of the plan that was read; a review never counts for another one' })
  @Name(planHashText, "the plan's hash: 64 hexadecimal digits")
  planHash!: string;

  @ApiProperty({ enum: ['approve', 'reject'] })
  @IsIn(['approve', 'reject'], { message: 'expected one of approve, reject' })
  decision!: 'approve' | 'reject';

  @ApiPropertyOptional({ maxLength: 2000, description: 'A reject needs one' })
  @IsOptional()
  @OneLine(2000)
  comment?: string;

  @ApiPropertyOptional({
    description: 'Chosen by the caller, so that a repetition counts once; 8 to 64 of A-Z a-z 0-9 _ -',
  })
  @IsOptional()
  @Name(idText, '8 to 64 of A-Z a-z 0-9 _ -')
  decisionId?: string;
}

export class ReviewAnswerView {
  @ApiProperty({ enum: ['counted', 'recorded, not yet counted'] })
  status!: 'counted' | 'recorded, not yet counted';

  @ApiProperty()
  decisionId!: string;

  @ApiPropertyOptional({
    enum: ['approved', 'rejected', 'open'],
    description: 'Absent as long as it is not counted',
  })
  verdict?: 'approved' | 'rejected' | 'open';

  @ApiPropertyOptional({
    type: [MissingReviewsView],
    description: 'What policy still demands; absent as long as it is not counted',
  })
  missing?: MissingReviewsView[];
}

export class ReviewView {
  @ApiProperty()
  decisionId!: string;

  @ApiProperty()
  planHash!: string;

  @ApiProperty({ enum: ['approve', 'reject'] })
  decision!: 'approve' | 'reject';

  @ApiProperty({ type: IdentityView })
  reviewer!: IdentityView;

  @ApiProperty()
  reviewerName!: string;

  @ApiPropertyOptional()
  comment?: string;

  @ApiProperty({ format: 'date-time' })
  decidedAt!: string;

  @ApiProperty({
    enum: ['counted', 'refused'],
    nullable: true,
    description: 'Null: recorded, not yet counted',
  })
  outcome!: 'counted' | 'refused' | null;

  @ApiProperty({ type: String, nullable: true })
  refusal!: string | null;
}

export class ReviewListView {
  @ApiProperty({ type: [ReviewView] })
  items!: ReviewView[];
}
