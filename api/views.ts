import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { Fact, NativeCommand, RanCommand } from '../domain/act.js';
import type { Identity } from '../domain/change.js';
import type { Failure } from '../domain/failures.js';

/** Shapes that several resources show. Each repeats a type of the domain for the OpenAPI document, held to it by `implements`. */
export class IdentityView implements Identity {
  @ApiProperty({ description: 'The OIDC issuer' })
  issuer!: string;

  @ApiProperty({ description: 'The subject at that issuer; compared together with it' })
  subject!: string;
}

export class PlaceView {
  @ApiPropertyOptional()
  host?: string;

  @ApiPropertyOptional()
  vm?: string;

  @ApiPropertyOptional()
  address?: string;

  @ApiPropertyOptional()
  field?: string;
}

export class FailureView implements Failure {
  @ApiProperty({
    type: String,
    description: 'Stable reason, e.g. device-in-use-by-host',
    example: 'device-in-use-by-host',
  })
  reason!: Failure['reason'];

  @ApiProperty()
  message!: string;

  @ApiPropertyOptional({ type: PlaceView })
  where?: PlaceView;

  @ApiPropertyOptional()
  expected?: string;

  @ApiPropertyOptional()
  actual?: string;

  @ApiPropertyOptional({ description: "The hypervisor's own words" })
  cause?: string;
}

export class NativeCommandView implements NativeCommand {
  @ApiProperty({ example: 'virsh' })
  tool!: string;

  @ApiProperty({ type: [String] })
  argv!: string[];

  @ApiPropertyOptional({ description: 'Document on standard input or behind a file argument' })
  input?: string;
}

export class RanCommandView extends NativeCommandView implements RanCommand {
  @ApiProperty({ type: Number, nullable: true })
  exitCode!: number | null;

  @ApiProperty()
  stdout!: string;

  @ApiProperty()
  stderr!: string;

  @ApiProperty()
  milliseconds!: number;
}

export class FactView implements Fact {
  @ApiProperty({ example: 'device 0000:02:00.0' })
  subject!: string;

  @ApiProperty({ example: 'driver' })
  name!: string;

  @ApiProperty({ example: 'nvme' })
  value!: string;

  @ApiProperty({ description: 'The command it came from' })
  command!: string;

  @ApiProperty({ description: 'The raw reply' })
  raw!: string;
}

export class FieldErrorView {
  @ApiProperty({
    description: 'JSON pointer into the body, or `query NAME`, `header NAME`',
    example: '/devices/0/address',
  })
  pointer!: string;

  @ApiProperty()
  detail!: string;
}

/** RFC 9457. */
export class ProblemView {
  @ApiProperty({ example: 'urn:slipway:problem:host-unknown' })
  type!: string;

  @ApiProperty()
  title!: string;

  @ApiProperty()
  status!: number;

  @ApiProperty()
  detail!: string;

  @ApiProperty({ description: 'The path that was asked for' })
  instance!: string;

  @ApiProperty({ example: 'host-unknown', description: 'The last part of `type`' })
  code!: string;

  @ApiProperty({ type: [FieldErrorView] })
  errors!: FieldErrorView[];

  @ApiProperty({ description: 'Whether the same request may simply be sent again' })
  retryable!: boolean;

  @ApiProperty({ description: 'What to do about it' })
  remediation!: string;
}
