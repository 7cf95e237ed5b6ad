import { type DynamicModule, Module } from '@nestjs/common';
import { ChangesModule } from '../changes/changes.module.js';
import { DecisionKey } from './decision-key.js';
import { RedeliveryOfReviews } from './redelivery.service.js';
import { ReviewsController } from './reviews.controller.js';
import { Reviews } from './reviews.service.js';

@Module({})
export class ReviewsModule {
  static signedWith(key: DecisionKey): DynamicModule {
    return {
      module: ReviewsModule,
      imports: [ChangesModule],
      controllers: [ReviewsController],
      providers: [Reviews, RedeliveryOfReviews, { provide: DecisionKey, useValue: key }],
    };
  }
}
