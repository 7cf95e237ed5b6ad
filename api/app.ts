import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import { Logger } from 'nestjs-pino';
import { type ApiParts, AppModule } from './app.module.js';
import { toProblem } from './failure.filter.js';
import { OpenApiDocument } from './openapi.js';
import { ProblemError } from './problem.js';

export const bodyLimit = '64kb';

/** The API, ready to listen: the same for main, for tests and for writing the OpenAPI document. */
export async function createApi(parts: ApiParts, { preview = false } = {}): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.of(parts), {
    bufferLogs: true,
    bodyParser: false,
    abortOnError: false,
    // Only the shape of the application is wanted: nothing is made, nothing is reached.
    preview,
    // A reader who follows a change live must not keep the process from stopping.
    forceCloseConnections: true,
  });
  if (preview) return app;
  app.useLogger(app.get(Logger));
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.set('etag', false);
  app.use(securityHeaders);
  app.use(onlyJson);
  app.useBodyParser('json', { limit: bodyLimit });
  app.get(OpenApiDocument).of(app);
  app.enableShutdownHooks();
  return app;
}

function securityHeaders(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('cache-control', 'no-store');
  response.setHeader('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  next();
}

/** A body that is not declared as JSON would be ignored silently; say so instead. */
function onlyJson(request: Request, response: Response, next: NextFunction): void {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (!hasBody || request.is('application/json')) return next();
  const problem = toProblem(new ProblemError('media-type-unsupported'), request.path);
  response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}
