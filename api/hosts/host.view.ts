import { ApiProperty } from '@nestjs/swagger';
import { type Capabilities, PowerState } from '../../domain/hypervisor.js';
import type { HostRecord, VmRecord } from '../../records/estate-view.js';
import { ClaimView } from '../devices/device.view.js';

export class CapabilitiesView implements Capabilities {
  @ApiProperty({ description: 'A running VM can take a device' })
  hotAttach!: boolean;

  @ApiProperty({ description: 'Every act passes a guard that refuses late workers' })
  fencesEveryAct!: boolean;

  @ApiProperty()
  dismountMayNeedReboot!: boolean;

  @ApiProperty()
  pinsMemory!: boolean;

  @ApiProperty({ type: [String], description: "What a VM can't do while it has a device" })
  vmLoses!: string[];
}

export class VmView {
  @ApiProperty()
  name!: string;

  @ApiProperty()
  uuid!: string;

  @ApiProperty({ enum: Object.values(PowerState) })
  power!: PowerState;

  @ApiProperty({ type: ClaimView, nullable: true })
  claim!: ClaimView | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  goneAt!: string | null;
}

export class HostView {
  @ApiProperty()
  id!: string;

  @ApiProperty()
  site!: string;

  @ApiProperty({ description: 'False: of the estate, and nobody has looked at it yet' })
  seen!: boolean;

  @ApiProperty({ enum: ['on', 'off'], nullable: true, description: 'Whether its IOMMU isolates devices' })
  isolation!: 'on' | 'off' | null;

  @ApiProperty({ type: [String], description: 'What it lacks for passthrough' })
  missing!: string[];

  @ApiProperty({ type: CapabilitiesView, nullable: true })
  capabilities!: CapabilitiesView | null;

  @ApiProperty({ type: [VmView] })
  vms!: VmView[];

  @ApiProperty({ description: 'Its site is on hold: no change begins or goes on' })
  held!: boolean;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  observedAt!: string | null;
}

export class HostListView {
  @ApiProperty({ type: [HostView] })
  items!: HostView[];
}

export function hostView(
  host: { id: string; site: string },
  seen: HostRecord | undefined,
  vms: readonly VmRecord[],
  held: boolean,
): HostView {
  return {
    id: host.id,
    site: host.site,
    seen: seen !== undefined,
    isolation: seen?.facts.isolation ?? null,
    missing: seen?.facts.missing ?? [],
    capabilities: seen?.capabilities ?? null,
    vms: vms.filter((vm) => vm.host === host.id).map(vmView),
    held,
    observedAt: seen?.observedAt ?? null,
  };
}

function vmView({ facts, claim, goneAt }: VmRecord): VmView {
  return { name: facts.name, uuid: facts.uuid, power: facts.power, claim, goneAt };
}
