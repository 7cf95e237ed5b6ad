import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** As much of JSON Schema as the OpenAPI document uses. */
interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  anyOf?: Schema[];
  allOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  description?: string;
}

export interface OpenApi {
  components: { schemas: Record<string, Schema> };
}

/** The document's schemas as TypeScript: all that the CLI knows of the API's shapes. */
export function schemasText(document: OpenApi): string {
  const types = Object.entries(document.components.schemas).sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = types.map(([name, schema]) => `export interface ${name} ${typeText(schema)}\n`);
  return [
    '// Written from docs/openapi.json by `node dist/cli/write-schemas.js`. Do not edit.\n',
    ...texts,
  ].join('\n');
}

function typeText(schema: Schema): string {
  if (schema.$ref) return schema.$ref.split('/').at(-1)!;
  if (schema.anyOf) return schema.anyOf.map(typeText).join(' | ');
  if (schema.allOf) return schema.allOf.map(typeText).join(' & ');
  if (schema.enum) return schema.enum.map((value) => literal(value)).join(' | ');
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? 'unknown'];
  return types.map((type) => plainText(type, schema)).join(' | ');
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function plainText(type: string, schema: Schema): string {
  switch (type) {
    case 'integer':
      return 'number';
    case 'array':
      return arrayText(schema.items ?? {});
    case 'object':
      return schema.properties ? objectText(schema) : mapText(schema.additionalProperties);
    default:
      return type;
  }
}

function arrayText(items: Schema): string {
  const text = typeText(items);
  return text.includes(' | ') ? `(${text})[]` : `${text}[]`;
}

function mapText(members: boolean | Schema | undefined): string {
  return `Record<string, ${typeof members === 'object' ? typeText(members) : 'unknown'}>`;
}

function objectText({ properties = {}, required = [] }: Schema): string {
  const lines = Object.entries(properties).map(([name, schema]) => {
    const comment = schema.description ? `  /** ${schema.description} */\n` : '';
    return `${comment}  ${name}${required.includes(name) ? '' : '?'}: ${typeText(schema)};`;
  });
  return `{\n${lines.join('\n')}\n}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as OpenApi;
  writeFileSync('cli/schemas.ts', schemasText(document));
}
