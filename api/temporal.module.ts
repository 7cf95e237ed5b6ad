import { type DynamicModule, Global, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
  type WorkflowHandle,
} from '@temporalio/client';
import type { TemporalEnv } from '../config/env.js';
import { changeWorkflowId } from '../workflows/contract.js';

/** Temporal as the API uses it: start, update, signal. Nothing here ever asks a workflow for what the register tells. */
@Injectable()
export class Temporal implements OnApplicationShutdown {
  readonly client: Client;
  private readonly connection: Connection;

  constructor(private readonly env: TemporalEnv) {
    this.connection = Connection.lazy({
      address: env.address,
      // Few tries: whoever waits for an answer is told soon that Temporal is down; what must not be lost is swept up later.
      interceptors: [makeGrpcRetryInterceptor(defaultGrpcRetryOptions({ maxAttempts: 3 }))],
    });
    this.client = new Client({ connection: this.connection, namespace: env.namespace });
  }

  change(changeId: string): WorkflowHandle {
    return this.client.workflow.getHandle(changeWorkflowId(changeId));
  }

  /** Runs `call` with a deadline, so that a Temporal that is gone makes nobody wait. */
  within<T>(milliseconds: number, call: () => Promise<T>): Promise<T> {
    return this.client.withDeadline(Date.now() + milliseconds, call);
  }

  /** Where the history of a change is to be seen; null when no UI is configured. */
  historyUrl(changeId: string): string | null {
    const { uiUrl, namespace } = this.env;
    if (!uiUrl) return null;
    const workflow = encodeURIComponent(changeWorkflowId(changeId));
    return `${uiUrl.replace(/\/$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows/${workflow}`;
  }

  /** Whether the frontend answers; for readiness. */
  async check(): Promise<void> {
    await this.connection.withDeadline(Date.now() + 2_000, () => this.connection.ensureConnected());
    await this.connection.withDeadline(Date.now() + 2_000, () =>
      this.connection.workflowService.getSystemInfo({}),
    );
  }

  async onApplicationShutdown(): Promise<void> {
    await this.connection.close();
  }
}

@Global()
@Module({})
export class TemporalModule {
  static at(env: TemporalEnv): DynamicModule {
    return {
      module: TemporalModule,
      providers: [{ provide: Temporal, useFactory: () => new Temporal(env) }],
      exports: [Temporal],
    };
  }
}
