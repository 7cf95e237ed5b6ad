import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Verb } from '../../domain/act.js';
import { Action } from '../../domain/change.js';
import type { Plan, PlannedAct, Risk, Step } from '../../domain/plan.js';
import type { Requirement } from '../../domain/review.js';
import type { StoredPlan } from '../../records/plans.js';
import { NativeCommandView } from '../views.js';

export class ActView {
  @ApiProperty({ enum: Object.values(Verb) })
  verb!: Verb;

  @ApiPropertyOptional({ description: 'Address of the device it is about' })
  device?: string;

  @ApiPropertyOptional({ description: 'Name of the VM it is about' })
  vm?: string;

  @ApiProperty({ type: [NativeCommandView], description: 'What the hypervisor will be told' })
  commands!: NativeCommandView[];
}

export class StepView {
  @ApiProperty({ example: 'dismount 0000:02:00.0' })
  name!: string;

  @ApiProperty()
  summary!: string;

  @ApiProperty({ enum: ['vm', 'host'], description: 'The branch of undo it belongs to' })
  branch!: Step['branch'];

  @ApiProperty({ type: ActView })
  forward!: ActView;

  @ApiProperty({ type: ActView, nullable: true, description: 'How it is undone; null: irreversible' })
  inverse!: ActView | null;

  @ApiProperty({ type: [ActView], description: 'Done first if the guest does not let go' })
  escalation!: ActView[];

  @ApiProperty({ description: 'Done only if an escalation cut the power' })
  onlyAfterEscalation!: boolean;

  @ApiProperty({ type: [String] })
  effects!: string[];

  @ApiProperty({ description: 'Seconds it usually takes' })
  typicalSeconds!: number;

  @ApiProperty({ description: 'Seconds after which its outcome counts as unknown' })
  limitSeconds!: number;
}

export class RiskView implements Risk {
  @ApiProperty({ type: String, example: 'no-reset-method' })
  code!: Risk['code'];

  @ApiProperty()
  text!: string;
}

export class RequirementView implements Requirement {
  @ApiProperty()
  id!: string;

  @ApiProperty({ description: 'So many distinct people' })
  count!: number;

  @ApiProperty({ type: [String], description: 'From any of these groups; empty: anybody who may approve' })
  groups!: string[];
}

export class PlanView {
  @ApiProperty()
  changeId!: string;

  @ApiProperty()
  round!: number;

  @ApiProperty({ description: 'What a review is for' })
  planHash!: string;

  @ApiProperty({ enum: Object.values(Action) })
  action!: Action;

  @ApiProperty()
  host!: string;

  @ApiProperty()
  vm!: string;

  @ApiProperty({ type: [StepView] })
  steps!: StepView[];

  @ApiProperty({ type: [String] })
  hostLoses!: string[];

  @ApiProperty({ type: [String] })
  vmLoses!: string[];

  @ApiProperty({ type: [RiskView] })
  risks!: RiskView[];

  @ApiProperty({ type: [RequirementView] })
  requirements!: RequirementView[];

  @ApiProperty()
  powerCycles!: number;

  @ApiProperty({ enum: ['undo', 'keep'] })
  onUnhealthy!: Plan['onUnhealthy'];

  @ApiProperty()
  estimateSeconds!: number;

  @ApiProperty()
  undoSeconds!: number;

  @ApiProperty({
    type: Object,
    additionalProperties: true,
    description: 'Facts that were read and matter: other ones later mean another plan',
  })
  basis!: object;

  @ApiProperty({
    type: Object,
    additionalProperties: true,
    description: 'What the hash is made of: sha-256 of its RFC 8785 canonical JSON',
  })
  material!: unknown;

  @ApiProperty({ format: 'date-time' })
  storedAt!: string;
}

export function planView({ changeId, round, planHash, plan, material, storedAt }: StoredPlan): PlanView {
  const { version: _version, site: _site, restorePower: _restorePower, ...shown } = plan;
  return {
    ...shown,
    changeId,
    round,
    planHash,
    vm: plan.basis.vm.name,
    steps: plan.steps.map(stepView),
    material,
    storedAt,
  };
}

function stepView(step: Step): StepView {
  return {
    ...step,
    forward: actView(step.forward),
    inverse: step.inverse && actView(step.inverse),
    escalation: step.escalation.map(actView),
  };
}

function actView({ act, commands }: PlannedAct): ActView {
  return {
    verb: act.verb,
    ...(act.device ? { device: act.device.address } : {}),
    ...(act.vm ? { vm: act.vm.name } : {}),
    commands,
  };
}
