import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { DeviceMode, type Fingerprint, type Holder, type HostUse, HostUseKind } from '../../domain/device.js';
import type { DeviceRecord } from '../../records/estate-view.js';

export class FullFingerprintView implements Fingerprint {
  @ApiProperty()
  vendor!: string;

  @ApiProperty()
  device!: string;

  @ApiPropertyOptional()
  subsystem?: string;

  @ApiPropertyOptional()
  class?: string;

  @ApiPropertyOptional()
  serial?: string;

  @ApiPropertyOptional()
  slot?: string;
}

export class HolderView {
  @ApiProperty({
    enum: ['host', 'vm', 'nobody', 'unknown'],
    description: 'nobody: taken from the host and with no VM; unknown: it could not be read',
  })
  kind!: Holder['kind'];

  @ApiPropertyOptional({ type: String, nullable: true })
  driver?: string | null;

  @ApiPropertyOptional()
  vm?: string;

  @ApiPropertyOptional()
  why?: string;
}

export class HostUseView implements HostUse {
  @ApiProperty({ enum: Object.values(HostUseKind) })
  kind!: HostUseKind;

  @ApiProperty()
  detail!: string;
}

export class ClaimView {
  @ApiProperty()
  changeId!: string;

  @ApiProperty()
  epoch!: number;
}

export class QuarantineView {
  @ApiProperty()
  changeId!: string;

  @ApiProperty()
  why!: string;

  @ApiProperty({ format: 'date-time' })
  since!: string;
}

export class DeviceView {
  @ApiProperty()
  host!: string;

  @ApiProperty()
  site!: string;

  @ApiProperty({ example: '0000:02:00.0' })
  address!: string;

  @ApiProperty({ type: String, nullable: true })
  alias!: string | null;

  @ApiProperty({ enum: Object.values(DeviceMode) })
  mode!: DeviceMode;

  @ApiProperty()
  name!: string;

  @ApiProperty({ type: FullFingerprintView })
  fingerprint!: FullFingerprintView;

  @ApiProperty({ description: 'Devices of the same unit move together' })
  unit!: string;

  @ApiProperty({ description: 'A bridge stays where it is' })
  bridge!: boolean;

  @ApiProperty({ type: HolderView, description: 'Who holds it, as last seen' })
  holder!: HolderView;

  @ApiProperty({ type: HolderView, nullable: true, description: 'The newest holder that could be read' })
  knownHolder!: HolderView | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  knownAt!: string | null;

  @ApiProperty({ type: [HostUseView], description: 'What on the host would lose it' })
  uses!: HostUseView[];

  @ApiProperty({ type: [String] })
  resetMethods!: string[];

  @ApiProperty({ enum: ['isolated', 'none'] })
  isolation!: 'isolated' | 'none';

  @ApiProperty({ type: ClaimView, nullable: true })
  claim!: ClaimView | null;

  @ApiProperty({ type: QuarantineView, nullable: true })
  quarantine!: QuarantineView | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Since when the host no longer shows it',
  })
  goneAt!: string | null;

  @ApiProperty({ format: 'date-time' })
  observedAt!: string;
}

export class DevicePageView {
  @ApiProperty({ type: [DeviceView] })
  items!: DeviceView[];

  @ApiProperty({ type: String, nullable: true })
  next!: string | null;
}

export function deviceView(record: DeviceRecord): DeviceView {
  const { host, site, alias, facts, knownHolder, knownAt, claim, quarantine, goneAt, observedAt } = record;
  return { host, site, alias, ...facts, knownHolder, knownAt, claim, quarantine, goneAt, observedAt };
}
