import { Module } from '@nestjs/common';
import { ChangesModule } from '../changes/changes.module.js';
import { Follow } from './follow.service.js';
import { Notices } from './notices.service.js';
import { ProgressController } from './progress.controller.js';
import { Progress } from './progress.service.js';

@Module({
  imports: [ChangesModule],
  controllers: [ProgressController],
  providers: [Progress, Notices, Follow],
})
export class ProgressModule {}
