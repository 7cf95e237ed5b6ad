import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { listSiteHolds } from '../../records/site-holds.js';
import { Tokens } from '../auth/tokens.js';
import { Register } from '../register.module.js';
import { Temporal } from '../temporal.module.js';

export class ReadinessView {
  @ApiProperty({ enum: ['ready', 'not-ready'] })
  status!: 'ready' | 'not-ready';

  @ApiProperty({
    type: Object,
    additionalProperties: { type: 'string' },
    description: '`ok`, or what is wrong, per thing the API needs',
  })
  checks!: Record<string, string>;
}

@ApiTags('health')
@Controller()
export class HealthController {
  constructor(
    private readonly register: Register,
    private readonly temporal: Temporal,
    private readonly tokens: Tokens,
  ) {}

  @Get('healthz')
  @ApiOperation({ operationId: 'health', summary: 'Whether the process lives; asks nobody else' })
  @ApiResponse({ status: 200 })
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('readyz')
  @ApiOperation({ operationId: 'readiness', summary: 'Whether register, Temporal and issuer answer' })
  @ApiResponse({ status: 200, type: ReadinessView })
  @ApiResponse({ status: 503, type: ReadinessView })
  async readiness(@Res({ passthrough: true }) response: Response): Promise<ReadinessView> {
    const checks = {
      register: await answers(() => listSiteHolds(this.register.db)),
      temporal: await answers(() => this.temporal.check()),
      issuer: await answers(() => this.tokens.check()),
    };
    const ready = Object.values(checks).every((check) => check === 'ok');
    response.status(ready ? 200 : 503);
    return { status: ready ? 'ready' : 'not-ready', checks };
  }
}

async function answers(ask: () => Promise<unknown>): Promise<string> {
  try {
    await ask();
    return 'ok';
  } catch {
    // The route is open to anyone: which addresses were tried is in the log, not here.
    return 'does not answer';
  }
}
