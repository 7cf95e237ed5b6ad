import { ApiProperty } from '@nestjs/swagger';
import { IdentityView } from '../views.js';

export class SiteHoldView {
  @ApiProperty({ type: IdentityView })
  by!: IdentityView;

  @ApiProperty()
  reason!: string;

  @ApiProperty({ format: 'date-time' })
  since!: string;
}

export class SiteView {
  @ApiProperty()
  id!: string;

  @ApiProperty({ type: SiteHoldView, nullable: true })
  hold!: SiteHoldView | null;
}

export class SiteListView {
  @ApiProperty({ type: [SiteView] })
  items!: SiteView[];
}
