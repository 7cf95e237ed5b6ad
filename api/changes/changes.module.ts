import { Module } from '@nestjs/common';
import { ChangesController } from './changes.controller.js';
import { Changes } from './changes.service.js';
import { NewChanges } from './new-changes.service.js';
import { OrdersController } from './orders.controller.js';
import { Orders } from './orders.service.js';
import { Relay } from './relay.service.js';
import { Starter } from './starter.service.js';

@Module({
  controllers: [ChangesController, OrdersController],
  providers: [Changes, NewChanges, Orders, Relay, Starter],
  exports: [Changes],
})
export class ChangesModule {}
