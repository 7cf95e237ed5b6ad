import { createServer, type Server } from 'node:http';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';

/** Says whether this worker lives and polls; loopback only, no other route. */
export class HealthServer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private server: Server | undefined;

  constructor(
    private readonly port: number | undefined,
    private readonly ready: () => boolean,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.port === undefined) return;
    const server = createServer((request, response) => {
      const path = request.url ?? '';
      const well = path === '/healthz' || (path === '/readyz' && this.ready());
      response.writeHead(well ? 200 : path === '/readyz' ? 503 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ status: well ? 'ok' : 'not ready' }));
    });
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
  }

  beforeApplicationShutdown(): void {
    this.server?.closeAllConnections();
    this.server?.close();
  }
}
