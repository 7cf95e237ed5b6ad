import { Controller, Get, Injectable } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ApiExcludeEndpoint, DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { problemModels } from './problems.decorator.js';

/** The OpenAPI 3.1 document, made from the controllers. */
export function openApiOf(app: NestExpressApplication): OpenAPIObject {
  const head = new DocumentBuilder()
    .setTitle('Slipway')
    .setDescription(
      'Moves a physical device between a host and a virtual machine and back: planned, reviewed, executed durably, verified and undone.',
    )
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .setOpenAPIVersion('3.1.0')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'An access token (RFC 9068) of the configured OIDC issuer',
    })
    .build();
  const document = SwaggerModule.createDocument(app, head, { extraModels: problemModels });
  document.paths = Object.fromEntries(
    Object.entries(document.paths).map(([path, item]) => [path.replaceAll('\\:', ':'), item]),
  );
  return withTypeNull(document) as OpenAPIObject;
}

/** Holds the document once it has been made; making it needs the whole application. */
@Injectable()
export class OpenApiDocument {
  private make: () => OpenAPIObject = () => {
    throw new Error('the OpenAPI document has no application to be made of');
  };
  private made: OpenAPIObject | null = null;

  of(app: NestExpressApplication): void {
    this.make = () => openApiOf(app);
  }

  get document(): OpenAPIObject {
    return (this.made ??= this.make());
  }
}

@Controller('v1/openapi.json')
export class OpenApiController {
  constructor(private readonly openApi: OpenApiDocument) {}

  @Get()
  @ApiExcludeEndpoint()
  get(): OpenAPIObject {
    return this.openApi.document;
  }
}

/** The decorators still say `nullable: true` as OpenAPI 3.0 did; 3.1 says it as JSON Schema does. */
function withTypeNull(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withTypeNull);
  if (typeof node !== 'object' || node === null) return node;
  const { nullable, ...rest } = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, withTypeNull(value)]),
  );
  if (nullable !== true) return rest;
  if (Array.isArray(rest.enum)) rest.enum = [...(rest.enum as unknown[]), null];
  if (typeof rest.type === 'string') return { ...rest, type: [rest.type, 'null'] };
  return { anyOf: [rest, { type: 'null' }] };
}
