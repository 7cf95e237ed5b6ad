import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Action, ChangeClass, ChangeState, Ending, type RequestedDevice } from '../../domain/change.js';
import { DeviceMode } from '../../domain/device.js';
import type { ChangeRecord } from '../../records/changes.js';
import { FailureView, IdentityView } from '../views.js';
import { FingerprintDto, LeaseDto, WindowDto } from './change-request.dto.js';

export class DeviceOfRequestView implements RequestedDevice {
  @ApiProperty()
  address!: string;

  @ApiPropertyOptional()
  alias?: string;

  @ApiProperty({ enum: Object.values(DeviceMode) })
  mode!: DeviceMode;

  @ApiPropertyOptional({ type: FingerprintDto })
  fingerprint?: FingerprintDto;
}

export class RequestView {
  @ApiProperty({ enum: Object.values(Action) })
  action!: Action;

  @ApiProperty()
  host!: string;

  @ApiProperty()
  site!: string;

  @ApiProperty()
  vm!: string;

  @ApiPropertyOptional()
  from?: string;

  @ApiProperty({ type: [DeviceOfRequestView] })
  devices!: DeviceOfRequestView[];

  @ApiProperty()
  wholeUnit!: boolean;

  @ApiProperty({ enum: ['allowed', 'never'] })
  powerOff!: 'allowed' | 'never';

  @ApiProperty({ enum: ['undo', 'keep'] })
  onUnhealthy!: 'undo' | 'keep';

  @ApiPropertyOptional({ type: WindowDto })
  window?: WindowDto;

  @ApiPropertyOptional({ type: LeaseDto })
  lease?: LeaseDto;

  @ApiProperty({ enum: Object.values(ChangeClass) })
  class!: ChangeClass;

  @ApiProperty()
  reason!: string;

  @ApiPropertyOptional()
  ticket?: string;
}

export class MissingReviewsView {
  @ApiProperty()
  requirement!: string;

  @ApiProperty()
  count!: number;

  @ApiProperty({ type: [String], description: 'Empty: anybody who may approve' })
  groups!: string[];
}

/** RFC 3339; absent clocks do not run. */
export class ClocksView {
  @ApiPropertyOptional({ format: 'date-time', description: 'When reviews must be complete' })
  reviewUntil?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'When the first act must have happened' })
  executeUntil?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'When the reviewed plan is too old to run' })
  planUntil?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'When the lease ends' })
  leaseUntil?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'When the lease can no longer be extended' })
  leaseLimit?: string;
}

export class LinksView {
  @ApiProperty({ description: 'This change' })
  self!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: "Its history in Temporal's own UI; null if none is configured",
  })
  temporal!: string | null;
}

export class ChangeView {
  @ApiProperty({ example: 'chg_01kb2m4x8q3v5w7y9z1a2b3c4d' })
  id!: string;

  @ApiProperty({ type: RequestView })
  request!: RequestView;

  @ApiProperty({ type: IdentityView })
  requester!: IdentityView;

  @ApiProperty()
  requesterName!: string;

  @ApiProperty({ enum: Object.values(ChangeState) })
  state!: ChangeState;

  @ApiProperty({ enum: Object.values(Ending), nullable: true })
  ending!: Ending | null;

  @ApiProperty({ description: 'Review round: grows when a plan had to be made anew' })
  round!: number;

  @ApiProperty({ type: String, nullable: true })
  planHash!: string | null;

  @ApiProperty({ type: [MissingReviewsView] })
  missing!: MissingReviewsView[];

  @ApiProperty({ type: ClocksView })
  clocks!: ClocksView;

  @ApiProperty({ type: [FailureView], description: 'Why it was refused, is held, parked, or was undone' })
  failures!: FailureView[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'What it waits for, in words: a window, a claim, a worker, a person',
  })
  waitingFor!: string | null;

  @ApiProperty({
    type: Object,
    nullable: true,
    additionalProperties: true,
    description: 'Of a parked change: how far each branch came, and the commands for an operator',
  })
  halfState!: object | null;

  @ApiProperty({ type: Boolean, nullable: true, description: 'True: proven back to where it was' })
  restored!: boolean | null;

  @ApiProperty({
    type: Boolean,
    description: 'Whether its workflow has been started; a moment after it was created it is',
  })
  started!: boolean;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt!: string;

  @ApiProperty({ type: LinksView })
  links!: LinksView;
}

export class ChangePageView {
  @ApiProperty({ type: [ChangeView] })
  items!: ChangeView[];

  @ApiProperty({ type: String, nullable: true, description: 'Cursor of the next page' })
  next!: string | null;
}

export function viewOf(change: ChangeRecord, historyUrl: string | null): ChangeView {
  const { id, request, requester, requesterName, state, ending, round, planHash, missing, failures } = change;
  const { waitingFor, halfState, restored, createdAt, updatedAt } = change;
  return {
    id,
    request,
    requester,
    requesterName,
    state,
    ending,
    round,
    planHash,
    missing,
    clocks: Object.fromEntries(
      Object.entries(change.clocks).map(([clock, time]) => [clock, new Date(time).toISOString()]),
    ),
    failures,
    waitingFor,
    halfState,
    restored,
    started: change.startedAt !== null || change.sequence > 0,
    createdAt,
    updatedAt,
    links: { self: `/v1/changes/${id}`, temporal: historyUrl },
  };
}

export function etagOf(change: ChangeRecord): string {
  return `"${change.version}"`;
}
