import { readFileSync } from 'node:fs';

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
}

interface Operation {
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>;
}

const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

/** What an answer has that the stored OpenAPI document does not say, or lacks of what it does; empty when they agree. */
export function contradictions(
  method: string,
  path: string,
  answer: { status: number; contentType: string; body: unknown },
): string[] {
  const operation = operationOf(method, path.split('?')[0]!);
  // The document itself is the one thing it does not describe.
  if (path === '/v1/openapi.json') return [];
  if (!operation)
    return answer.status === 404 || answer.status === 401 ? [] : [`${method} ${path} is not described`];
  const response = operation.responses[answer.status];
  if (!response) {
    // 304 and what the body parser or the router refuse before any operation is found.
    return [304, 400].includes(answer.status) ? [] : [`${method} ${path} may not answer ${answer.status}`];
  }
  const content = Object.entries(response.content ?? {}).find(([type]) =>
    answer.contentType.startsWith(type),
  );
  if (!content) return response.content ? [`${method} ${path} may not answer as ${answer.contentType}`] : [];
  return against(content[1].schema ?? {}, answer.body, '');
}

function operationOf(method: string, path: string): Operation | undefined {
  const templates = Object.keys(document.paths).filter((template) => {
    const pattern = template.replace(/[.*+?^$|()[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/:]+');
    return new RegExp(`^${pattern}$`).test(path);
  });
  return document.paths[templates[0] ?? '']?.[method.toLowerCase()];
}

function against(schema: Schema, value: unknown, at: string): string[] {
  if (schema.$ref)
    return against(document.components.schemas[schema.$ref.split('/').at(-1)!] ?? {}, value, at);
  if (schema.anyOf) {
    const all = schema.anyOf.map((one) => against(one, value, at));
    return all.find((found) => found.length === 0) ?? all[0] ?? [];
  }
  if (schema.enum && !schema.enum.includes(value))
    return [`${at}: ${JSON.stringify(value)} is none of ${schema.enum.join(', ')}`];
  if (schema.type && ![schema.type].flat().includes(typeOf(value)))
    return [`${at}: expected ${String(schema.type)}, found ${typeOf(value)}`];
  if (Array.isArray(value))
    return value.flatMap((item, index) => against(schema.items ?? {}, item, `${at}/${index}`));
  if (typeOf(value) === 'object' && schema.properties)
    return membersAgainst(schema, value as Record<string, unknown>, at);
  return [];
}

function membersAgainst(
  { properties = {}, required = [] }: Schema,
  value: Record<string, unknown>,
  at: string,
): string[] {
  return [
    ...required.filter((name) => value[name] === undefined).map((name) => `${at}/${name} is missing`),
    ...Object.entries(value).flatMap(([name, member]) =>
      properties[name]
        ? against(properties[name], member, `${at}/${name}`)
        : [`${at}/${name} is not described`],
    ),
  ];
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
