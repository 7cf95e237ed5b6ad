import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { access, routeKey } from '../../api/auth/access.js';
import { openApiOf } from '../../api/openapi.js';
import { startApi, type TestApi } from './support/api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

/** What nestjs-pino puts before all routes: it logs and passes on. */
const middleware = '{/*splat}';

function servedRoutes(): string[] {
  const { stack } = (api.app.getHttpAdapter().getInstance() as { router: { stack: Layer[] } }).router;
  return stack
    .flatMap(({ route }) =>
      route && route.path !== middleware
        ? Object.keys(route.methods).map((method) => routeKey(method, route.path))
        : [],
    )
    .sort();
}

const stored = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
  openapi: string;
  paths: Record<string, Record<string, { responses: object; operationId: string }>>;
};

describe('routes', () => {
  it('a route that the access table does not name can’t exist, nor a row without a route', () => {
    expect(servedRoutes()).toEqual(Object.keys(access).sort());
  });

  it('no route but health and the document answers without a token', async () => {
    for (const key of servedRoutes().filter((one) => !access[one]?.anyone)) {
      const [method = '', path = ''] = key.split(' ');
      const { status } = await api.send(method, path.replace('{id}', 'chg_00000000000000000000000000'), {
        token: null,
      });
      expect({ key, status }).toEqual({ key, status: 401 });
    }
  });

  it('each row refuses every role it does not list, and names those it does', async () => {
    for (const [key, row] of Object.entries(access).filter(([, one]) => !one.anyone)) {
      const others = ['requester', 'approver', 'operator', 'auditor', 'admin'].filter(
        (role) => !(row.roles as readonly string[]).includes(role),
      );
      const token = await api.issuer.token('outsider', others);
      const [method = '', path = ''] = key.split(' ');
      const { status, body } = await api.send(
        method,
        path.replace('{id}', 'chg_00000000000000000000000000'),
        { token },
      );
      expect({ key, status, named: row.roles.every((role) => body.detail.includes(role)) }).toEqual({
        key,
        status: 403,
        named: true,
      });
    }
  });

  it('a program can’t review, even with the role of an approver', async () => {
    const token = await api.issuer.token('pipeline', ['approver', 'requester'], {
      claims: { client_id: 'pipeline' },
    });
    const { status, body } = await api.send('POST', '/v1/changes/chg_00000000000000000000000000/reviews', {
      token,
      body: {},
    });
    expect({ status, code: body.code }).toEqual({ status: 403, code: 'machine-may-not-review' });
  });

  it('an address nobody serves is a problem, not a page', async () => {
    const { status, body, headers } = await api.send('GET', '/v1/nothing');
    expect({ status, code: body.code }).toEqual({ status: 404, code: 'route-unknown' });
    expect(headers.get('content-type')).toMatch('application/problem+json');
  });
});

describe('the OpenAPI document', () => {
  it('stored in docs/ is the one the code makes; `npm run build && node dist/api/openapi-file.js` writes it', () => {
    expect(JSON.parse(JSON.stringify(openApiOf(api.app)))).toEqual(stored);
  });

  it('is version 3.1, is served to anyone, and describes every route but itself', async () => {
    const { status, body } = await api.send<typeof stored>('GET', '/v1/openapi.json', { token: null });
    expect(status).toBe(200);
    expect(body).toEqual(stored);
    expect(body.openapi).toBe('3.1.0');
    const described = Object.entries(body.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(
      Object.keys(access)
        .filter((key) => key !== 'GET /v1/openapi.json')
        .sort(),
    );
  });

  it('has no schema that is referred to and missing, and no OpenAPI 3.0 left-overs', () => {
    const text = JSON.stringify(stored);
    const { schemas } = (stored as unknown as { components: { schemas: object } }).components;
    const referred = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name!);
    expect(referred.filter((name) => !(name in schemas))).toEqual([]);
    expect(text).not.toContain('"nullable"');
  });
});
