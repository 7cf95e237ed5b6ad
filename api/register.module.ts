import { type DynamicModule, Global, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { type Db, openRegister, type Register as OpenRegister } from '../records/database.js';

/** The register as the API holds it: opened lazily, closed with the process. */
@Injectable()
export class Register implements OnApplicationShutdown {
  private readonly register: OpenRegister;

  constructor(readonly url: string) {
    this.register = openRegister(url, { applicationName: 'slipway-api', patienceMs: 5_000 });
  }

  get db(): Db {
    return this.register.db;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.register.close();
  }
}

@Global()
@Module({})
export class RegisterModule {
  static at(url: string): DynamicModule {
    return {
      module: RegisterModule,
      providers: [{ provide: Register, useFactory: () => new Register(url) }],
      exports: [Register],
    };
  }
}
