import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  Equals,
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsObject,
  IsOptional,
  ValidateNested,
} from 'class-validator';
import { Action, ChangeClass } from '../../domain/change.js';
import { DeviceMode, parsePciAddress } from '../../domain/device.js';
import {
  aliasName,
  deviceText,
  fingerprintText,
  hexId,
  hostName,
  Instant,
  instantOf,
  Name,
  OneLine,
  Rule,
  ticketName,
  vmName,
} from '../fields.js';

const mostDevices = 16;
const hexExpected = 'four hexadecimal digits, such as 1b36';
const vmExpected = 'a VM name: 1 to 80 letters, digits, spaces or . _ + @ ( ) # -, not beginning with a dash';
const oneOf = (values: object): string => `expected one of ${Object.values(values).join(', ')}`;

export class FingerprintDto {
  @ApiPropertyOptional({ example: '1b36', description: 'Vendor id, hexadecimal' })
  @IsOptional()
  @Name(hexId, hexExpected)
  vendor?: string;

  @ApiPropertyOptional({ example: '0010', description: 'Device id, hexadecimal' })
  @IsOptional()
  @Name(hexId, hexExpected)
  device?: string;

  @ApiPropertyOptional({ example: '1af4:1100', description: 'Subsystem vendor and device id' })
  @IsOptional()
  @Name(fingerprintText, 'a subsystem id')
  subsystem?: string;

  @ApiPropertyOptional({ example: '010802', description: 'Class code' })
  @IsOptional()
  @Name(fingerprintText, 'a class code')
  class?: string;

  @ApiPropertyOptional({ example: 'N0', description: 'Serial number' })
  @IsOptional()
  @Name(fingerprintText, 'a serial number: up to 63 letters, digits, spaces or . _ : + / -')
  serial?: string;

  @ApiPropertyOptional({ description: 'Slot path, for devices without a serial number' })
  @IsOptional()
  @Name(fingerprintText, 'a slot')
  slot?: string;
}

export class RequestedDeviceDto {
  @ApiPropertyOptional({ example: '0000:02:00.0', description: 'Where it is now; this or `alias`' })
  @Rule(
    'address',
    isAddress,
    'expected a PCI address such as 0000:02:00.0, or an alias of the estate instead',
  )
  address?: string;

  @ApiPropertyOptional({
    example: 'isdn-card',
    description: 'A name the estate gives to an address of the host',
  })
  @IsOptional()
  @Name(aliasName, 'an alias: up to 63 letters, digits or . _ -, not beginning with a dash')
  @Rule(
    'eitherOne',
    (_, of) => (of as RequestedDeviceDto).address === undefined,
    'expected address or alias, not both',
  )
  alias?: string;

  @ApiPropertyOptional({ enum: Object.values(DeviceMode), default: 'pci' })
  @IsIn(Object.values(DeviceMode), { message: oneOf(DeviceMode) })
  mode: DeviceMode = 'pci';

  @ApiPropertyOptional({
    type: FingerprintDto,
    description: 'What must be found at the address, else the change is refused',
  })
  @IsOptional()
  @IsObject({ message: 'expected an object' })
  @ValidateNested()
  @Type(() => FingerprintDto)
  fingerprint?: FingerprintDto;
}

export class WindowDto {
  @ApiProperty({ format: 'date-time', example: '2026-12-05T22:00:00+01:00' })
  @Instant()
  from!: string;

  @ApiProperty({ format: 'date-time', example: '2026-12-06T02:00:00+01:00' })
  @Instant()
  @Rule('afterFrom', (to, of) => isAfter(to, (of as WindowDto).from), 'expected a time after `from`')
  to!: string;
}

export class LeaseDto {
  @ApiProperty({ format: 'date-time' })
  @Instant()
  @Rule('future', (until) => !isPast(until), 'expected a time in the future')
  until!: string;
}

/** A change as it is asked for. What is not named here is refused. */
export class ChangeRequestDto {
  @ApiPropertyOptional({ enum: ['slipway/v1'] })
  @IsOptional()
  @Equals('slipway/v1', { message: 'expected slipway/v1' })
  apiVersion?: string;

  @ApiPropertyOptional({ enum: ['ChangeRequest'] })
  @IsOptional()
  @Equals('ChangeRequest', { message: 'expected ChangeRequest' })
  kind?: string;

  @ApiProperty({ enum: Object.values(Action) })
  @IsIn(Object.values(Action), { message: oneOf(Action) })
  action!: Action;

  @ApiProperty({ example: 'kvm-01', description: 'Id of a host of the estate' })
  @Name(hostName, 'a host id of the estate: up to 63 letters, digits or . _ -, not beginning with a dash')
  host!: string;

  @ApiProperty({
    example: 'voip-gateway',
    description: 'The VM that receives or gives back; for move the one that receives',
  })
  @Name(vmName, vmExpected)
  vm!: string;

  @ApiPropertyOptional({ description: 'For move only: the VM that gives' })
  @IsOptional()
  @Name(vmName, vmExpected)
  @Rule('moveOnly', (_, of) => (of as ChangeRequestDto).action === 'move', 'expected only with action move')
  from?: string;

  @ApiProperty({ type: [RequestedDeviceDto], minItems: 1, maxItems: mostDevices })
  @IsDefined({ message: 'expected a list of devices' })
  @IsArray({ message: 'expected a list of devices' })
  @ArrayMinSize(1, { message: 'expected at least one device' })
  @ArrayMaxSize(mostDevices, { message: `expected at most ${mostDevices} devices` })
  @IsObject({ each: true, message: 'expected objects with address or alias' })
  @ValidateNested({ each: true })
  @Type(() => RequestedDeviceDto)
  devices!: RequestedDeviceDto[];

  @ApiPropertyOptional({
    default: false,
    description: 'Consent that the other members of each unit move too',
  })
  @IsBoolean({ message: 'expected true or false' })
  wholeUnit: boolean = false;

  @ApiPropertyOptional({ enum: ['allowed', 'never'], default: 'never' })
  @IsIn(['allowed', 'never'], { message: 'expected one of allowed, never' })
  powerOff: 'allowed' | 'never' = 'never';

  @ApiPropertyOptional({
    enum: ['undo', 'keep'],
    default: 'undo',
    description: 'What to do when the guest sees the device and its driver does not work',
  })
  @IsIn(['undo', 'keep'], { message: 'expected one of undo, keep' })
  onUnhealthy: 'undo' | 'keep' = 'undo';

  @ApiPropertyOptional({ type: WindowDto, description: 'When it may run; absent: as soon as policy allows' })
  @IsOptional()
  @IsObject({ message: 'expected an object with from and to' })
  @ValidateNested()
  @Type(() => WindowDto)
  window?: WindowDto;

  @ApiPropertyOptional({ type: LeaseDto, description: 'How long the VM may keep the devices' })
  @IsOptional()
  @IsObject({ message: 'expected an object with until' })
  @ValidateNested()
  @Type(() => LeaseDto)
  lease?: LeaseDto;

  @ApiPropertyOptional({ enum: Object.values(ChangeClass), default: 'normal' })
  @IsIn(Object.values(ChangeClass), { message: oneOf(ChangeClass) })
  class: ChangeClass = 'normal';

  @ApiProperty({ maxLength: 500, example: 'Gateway moves to the new cluster' })
  @OneLine(500)
  reason!: string;

  @ApiPropertyOptional({ example: 'CHG0042', description: 'Number in the change management of the house' })
  @IsOptional()
  @Name(ticketName, 'a ticket number: up to 63 letters, digits or . _ / # : -')
  ticket?: string;
}

/** Only mode `pci` has addresses with a form of their own so far; the others are one line of text. */
function isAddress(value: unknown, of: object): boolean {
  const { alias, mode } = of as RequestedDeviceDto;
  if (value === undefined) return alias !== undefined;
  if (typeof value !== 'string') return false;
  return mode === 'pci' ? parsePciAddress(value) !== null : deviceText.test(value);
}

function isAfter(to: unknown, from: unknown): boolean {
  const [end, start] = [instantOf(to), instantOf(from)];
  return end === null || start === null || end > start;
}

export function isPast(value: unknown): boolean {
  const time = instantOf(value);
  return time !== null && time <= Date.now();
}
