import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { LoggerModule } from 'nestjs-pino';
import type { ApiEnv } from '../config/env.js';
import { AuditController } from './audit/audit.controller.js';
import { AuthGuard } from './auth/auth.guard.js';
import { Tokens } from './auth/tokens.js';
import { ChangesModule } from './changes/changes.module.js';
import { DevicesController } from './devices/devices.controller.js';
import { EstateModule, type EstateNames } from './estate.module.js';
import { FailureFilter } from './failure.filter.js';
import { HealthController } from './health/health.controller.js';
import { HostsController } from './hosts/hosts.controller.js';
import { logging } from './logging.js';
import { MeController } from './me/me.controller.js';
import { OpenApiController, OpenApiDocument } from './openapi.js';
import { ProgressModule } from './progress/progress.module.js';
import { RegisterModule } from './register.module.js';
import { RequestPipe } from './request.pipe.js';
import type { DecisionKey } from './reviews/decision-key.js';
import { ReviewsModule } from './reviews/reviews.module.js';
import { Sites } from './sites/sites.service.js';
import { SitesController } from './sites/sites.controller.js';
import { TemporalModule } from './temporal.module.js';

export interface ApiParts {
  env: ApiEnv;
  estate: EstateNames;
  decisionKey: DecisionKey;
}

@Module({})
export class AppModule {
  static of({ env, estate, decisionKey }: ApiParts): DynamicModule {
    return {
      module: AppModule,
      imports: [
        LoggerModule.forRoot(logging(env.logLevel)),
        RegisterModule.at(env.databaseUrl),
        TemporalModule.at(env.temporal),
        EstateModule.with(estate),
        ChangesModule,
        ProgressModule,
        ReviewsModule.signedWith(decisionKey),
      ],
      controllers: [
        AuditController,
        DevicesController,
        HealthController,
        HostsController,
        MeController,
        OpenApiController,
        SitesController,
      ],
      providers: [
        { provide: Tokens, useFactory: () => new Tokens(env.oidc) },
        OpenApiDocument,
        Sites,
        { provide: APP_GUARD, useClass: AuthGuard },
        { provide: APP_PIPE, useClass: RequestPipe },
        { provide: APP_FILTER, useClass: FailureFilter },
      ],
    };
  }
}
