import { dirname } from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import type { ApiEnv } from '../../config/env.js';
import { resolveReference } from '../../config/estate.js';
import { ChangesModule } from '../changes/changes.module.js';
import { DecisionKey } from './decision-key.js';
import { RedeliveryOfReviews } from './redelivery.service.js';
import { ReviewsController } from './reviews.controller.js';
import { Reviews } from './reviews.service.js';

@Module({})
export class ReviewsModule {
  /** The signing key is read once, here; what is wrong with it keeps the API from starting. */
  static with({ decisionPrivateKey, estatePath }: ApiEnv): DynamicModule {
    const key = (): DecisionKey => new DecisionKey(resolveReference(decisionPrivateKey, dirname(estatePath)));
    return {
      module: ReviewsModule,
      imports: [ChangesModule],
      controllers: [ReviewsController],
      providers: [Reviews, RedeliveryOfReviews, { provide: DecisionKey, useFactory: key }],
    };
  }
}
