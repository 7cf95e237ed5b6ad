import { Injectable } from '@nestjs/common';
import { Sweep } from '../sweep.js';
import { Reviews } from './reviews.service.js';

/** Delivers reviews that no change has answered: Temporal or this process was gone when they were made. */
@Injectable()
export class RedeliveryOfReviews extends Sweep {
  constructor(private readonly reviews: Reviews) {
    super();
  }

  sweep(): Promise<number> {
    return this.reviews.deliverAgain();
  }
}
