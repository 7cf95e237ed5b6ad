/** What a person or program may be to Slipway; claim `roles` of the token. */
export const Role = {
  requester: 'requester',
  approver: 'approver',
  operator: 'operator',
  auditor: 'auditor',
  admin: 'admin',
} as const;
export type Role = (typeof Role)[keyof typeof Role];

export function isRole(text: unknown): text is Role {
  return typeof text === 'string' && Object.hasOwn(Role, text);
}

/**
 * Who may use a route: `anyone` needs no token, `people` refuses service tokens even if a role fits,
 * `own` limits the requester's role to changes of their own (other roles of the row are not limited).
 */
export interface Access {
  anyone?: true;
  roles: readonly Role[];
  people?: true;
  own?: true;
}

const { requester, approver, operator, auditor, admin } = Role;
const readers = [requester, approver, operator, auditor, admin];

const openRoute: Access = { anyone: true, roles: [] };
const reading: Access = { roles: readers };

/** The one table of routes and roles. A route that is not in it is refused, and a test refuses to let it exist. */
export const access: Readonly<Record<string, Access>> = {
  'GET /healthz': openRoute,
  'GET /readyz': openRoute,
  'GET /v1/openapi.json': openRoute,
  'GET /v1/me': reading,
  'POST /v1/changes': { roles: [requester] },
  'GET /v1/changes': reading,
  'GET /v1/changes/{id}': reading,
  'GET /v1/changes/{id}/plan': reading,
  'GET /v1/changes/{id}/timeline': reading,
  'GET /v1/changes/{id}/evidence': reading,
  'GET /v1/changes/{id}/events': reading,
  'GET /v1/changes/{id}/reviews': reading,
  'POST /v1/changes/{id}/reviews': { roles: [approver], people: true },
  'POST /v1/changes/{id}:withdraw': { roles: [requester], own: true },
  'POST /v1/changes/{id}:cancel': { roles: [requester, operator], own: true },
  'POST /v1/changes/{id}:hold': { roles: [operator] },
  'POST /v1/changes/{id}:resolve': { roles: [operator], people: true },
  'GET /v1/sites': reading,
  'POST /v1/sites/{id}:hold': { roles: [operator, admin] },
  'POST /v1/sites/{id}:release': { roles: [operator, admin] },
  'GET /v1/devices': reading,
  'GET /v1/hosts': reading,
  'GET /v1/audit': { roles: [auditor, admin] },
  'GET /v1/audit/export': { roles: [auditor, admin] },
};

/** Express's `/v1/changes/:id\:withdraw` as the table and the OpenAPI document spell it. */
export function routeKey(method: string, expressPath: string): string {
  const path = expressPath.replace(/(?<!\\):(\w+)/g, '{$1}').replaceAll('\\:', ':');
  return `${method.toUpperCase()} ${path}`;
}
