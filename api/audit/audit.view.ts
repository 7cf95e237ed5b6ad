import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type {
  AuditExport,
  ChainedEvent,
  ChainHead,
  Checkpoint,
  SignedCheckpoint,
} from '../../domain/audit.js';

export class AuditEventView implements ChainedEvent {
  @ApiProperty({ description: "The chain: a change's id, or `site/ID`" })
  changeId!: string;

  @ApiProperty({ description: 'Place in the chain, from 1' })
  sequence!: number;

  @ApiProperty()
  key!: string;

  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty({ description: '`ISSUER#SUBJECT`, or `slipway`' })
  actor!: string;

  @ApiProperty({ example: 'step.intent' })
  kind!: string;

  @ApiProperty({ type: Object, additionalProperties: true })
  data!: Record<string, unknown>;

  @ApiProperty({ description: 'Hash of the event before it; zeros for the first' })
  previous!: string;

  @ApiProperty({ description: 'sha-256 of the RFC 8785 canonical JSON of all the rest' })
  hash!: string;
}

export class AuditPageView {
  @ApiProperty({ type: [AuditEventView] })
  items!: AuditEventView[];

  @ApiProperty({ type: String, nullable: true })
  next!: string | null;
}

export class ChainHeadView implements ChainHead {
  @ApiProperty()
  changeId!: string;

  @ApiProperty()
  sequence!: number;

  @ApiProperty()
  hash!: string;
}

export class CheckpointView implements Checkpoint {
  @ApiProperty({ type: Number, enum: [1] })
  version!: 1;

  @ApiProperty()
  number!: number;

  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty()
  previous!: string;

  @ApiProperty({ type: [ChainHeadView] })
  heads!: ChainHeadView[];
}

export class SignedCheckpointView implements SignedCheckpoint {
  @ApiProperty({ type: CheckpointView })
  checkpoint!: CheckpointView;

  @ApiProperty()
  digest!: string;

  @ApiProperty()
  signature!: string;
}

export class AuditExportView implements AuditExport {
  @ApiProperty({ type: Number, enum: [1] })
  version!: 1;

  @ApiPropertyOptional()
  changeId?: string;

  @ApiProperty({ type: [AuditEventView] })
  events!: AuditEventView[];

  @ApiProperty({ type: [ChainHeadView] })
  heads!: ChainHeadView[];

  @ApiProperty({ type: [SignedCheckpointView] })
  checkpoints!: SignedCheckpointView[];
}
