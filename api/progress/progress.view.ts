import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { type FactDifference } from '../../domain/evidence.js';
import type { StepDirection, StepOutcome, StepRecord } from '../../records/steps.js';
import { AuditEventView } from '../audit/audit.view.js';
import { ChangeView } from '../changes/change.view.js';
import { FactView, FailureView, NativeCommandView, RanCommandView } from '../views.js';

export class StepEvidenceView {
  @ApiProperty({ type: [FactView] })
  before!: FactView[];

  @ApiProperty({ type: [FactView] })
  after!: FactView[];

  @ApiProperty({ type: [RanCommandView], description: 'What was run, with its replies' })
  ran!: RanCommandView[];
}

export class StepProgressView implements StepRecord {
  @ApiProperty()
  round!: number;

  @ApiProperty({ example: 'dismount 0000:02:00.0', description: 'The step of the plan' })
  name!: string;

  @ApiProperty({ enum: ['forward', 'undo', 'escalation'] })
  direction!: StepDirection;

  @ApiProperty({ description: 'By which the host knows this operation again' })
  opId!: string;

  @ApiProperty()
  attempts!: number;

  @ApiProperty({ format: 'date-time' })
  startedAt!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  endedAt!: string | null;

  @ApiProperty({
    enum: ['done', 'already', 'failed', 'unknown'],
    nullable: true,
    description: 'Null: it still runs; unknown: its reply was lost',
  })
  outcome!: StepOutcome | null;

  @ApiPropertyOptional({ type: FailureView })
  failure?: FailureView;

  @ApiProperty({ type: [NativeCommandView] })
  commands!: NativeCommandView[];

  @ApiProperty({ type: StepEvidenceView })
  evidence!: StepEvidenceView;
}

export class TimelineView {
  @ApiProperty()
  changeId!: string;

  @ApiProperty({ type: [StepProgressView], description: 'Operations in the order in which they were begun' })
  steps!: StepProgressView[];

  @ApiProperty({ type: [AuditEventView], description: 'Everything that was decided and done' })
  events!: AuditEventView[];
}

export class SnapshotView {
  @ApiProperty()
  round!: number;

  @ApiProperty({ type: [FactView] })
  facts!: FactView[];

  @ApiProperty({ description: 'sha-256 of the canonical JSON of the facts' })
  digest!: string;

  @ApiProperty({ format: 'date-time' })
  at!: string;
}

export class DifferenceView implements FactDifference {
  @ApiProperty()
  subject!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ type: String, nullable: true })
  before!: string | null;

  @ApiProperty({ type: String, nullable: true })
  after!: string | null;
}

export class HistoryView {
  @ApiProperty({ description: "Of the exported history of the change's workflow" })
  sha256!: string;

  @ApiProperty({ format: 'date-time' })
  storedAt!: string;
}

export class EvidenceView {
  @ApiProperty()
  changeId!: string;

  @ApiProperty({ type: SnapshotView, nullable: true, description: 'What was observed before the first act' })
  before!: SnapshotView | null;

  @ApiProperty({ type: SnapshotView, nullable: true, description: 'What was observed at the end' })
  after!: SnapshotView | null;

  @ApiProperty({
    type: Boolean,
    nullable: true,
    description:
      'Whether before and after are the same, as after a full undo they must be; null as long as one of them is missing',
  })
  equal!: boolean | null;

  @ApiProperty({ type: [DifferenceView] })
  differences!: DifferenceView[];

  @ApiProperty({ type: [HistoryView] })
  histories!: HistoryView[];
}

/** What the event stream begins with. */
export class LiveView {
  @ApiProperty({ type: ChangeView })
  change!: ChangeView;

  @ApiProperty({ type: [StepProgressView] })
  steps!: StepProgressView[];
}
