import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import {
  type Adapter,
  type ClientMetadata,
  type Configuration,
  type KoaContextWithOIDC,
  Provider,
  errors,
} from 'oidc-provider';
import type { Person } from './people.js';

/**
 * The local OIDC issuer of the embedded stack: real discovery, real keys, real JWT access tokens, so that the api
 * checks tokens here just as it does in production. What is not real is how people prove who they are: whoever can
 * read the secret file may be anyone of the people's file. It is for one machine, never for production.
 */
export const cliClient = 'slipway-cli';
export const audience = 'slipway';
/** The grant by which a program on this machine gets a person's token: parameters `person` and `secret`. */
export const localPersonGrant = 'urn:slipway:grant:local-person';

const tokenLifeSeconds = 3_600;
const scope = 'openid profile';
/** What a token is good for: the api, told by a JWT that it can check by itself. */
const resource = 'urn:slipway:api';
const resourceServer = {
  scope,
  audience,
  accessTokenFormat: 'jwt',
  accessTokenTTL: tokenLifeSeconds,
  jwt: { sign: { alg: 'ES256' } },
} as const;

export interface IssuerOptions {
  /** The URL that tokens name as their issuer. */
  readonly issuer: string;
  readonly host: string;
  readonly port: number;
  readonly jwks: NonNullable<Configuration['jwks']>;
  readonly secret: string;
  readonly people: ReadonlyMap<string, Person>;
}

export async function startIssuer(options: IssuerOptions): Promise<Server> {
  const provider = new Provider(options.issuer, configuration(options));
  addLocalPersonGrant(provider, options);
  const server = createServer((request, response) => void provider.callback()(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return server;
}

function configuration({ jwks, people }: IssuerOptions): Configuration {
  const cli: ClientMetadata = {
    client_id: cliClient,
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: [localPersonGrant],
    response_types: [],
    id_token_signed_response_alg: 'ES256',
    redirect_uris: [],
  };
  return {
    clients: [cli],
    adapter: Forgetful,
    jwks,
    claims: { openid: ['sub'], profile: ['name', 'roles', 'groups'] },
    scopes: ['openid', 'profile'],
    ttl: { AccessToken: tokenLifeSeconds, Grant: tokenLifeSeconds },
    renderError: (context, out) => {
      context.body = out;
    },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: () => resourceServer,
      },
    },
    findAccount: (_context, subject) => {
      const person = people.get(subject);
      return person && { accountId: subject, claims: () => ({ sub: subject, ...person }) };
    },
    extraTokenClaims: (_context, token) => {
      const person = 'accountId' in token ? people.get(token.accountId) : undefined;
      return person && { name: person.name, roles: person.roles, groups: person.groups };
    },
  };
}

function addLocalPersonGrant(provider: Provider, { people, secret }: IssuerOptions): void {
  const issue = async (context: KoaContextWithOIDC): Promise<void> => {
    const { person, secret: given } = context.oidc.params as { person?: string; secret?: string };
    if (given === undefined || !isSame(given, secret))
      throw refused("the secret is not that of this issuer's secret file");
    if (person === undefined || !people.has(person)) {
      throw refused(`no such person; there are ${[...people.keys()].join(', ')}`);
    }
    const client = await provider.Client.find(cliClient);
    if (client === undefined) throw refused(`${cliClient} is not registered`);
    const grant = new provider.Grant({ accountId: person, clientId: client.clientId });
    grant.addResourceScope(resource, scope);
    const grantId = await grant.save();
    const token = new provider.AccessToken({
      accountId: person,
      client,
      scope,
      grantId,
      gty: 'local_person',
    });
    token.resourceServer = new provider.ResourceServer(resource, resourceServer);
    context.body = {
      access_token: await token.save(),
      token_type: 'Bearer',
      expires_in: tokenLifeSeconds,
      scope,
    };
  };
  provider.registerGrantType(localPersonGrant, issue, ['person', 'secret']);
}

/** Keeps nothing: a JWT says everything itself, and nothing here is ever looked up again. */
class Forgetful implements Adapter {
  upsert = nothing;
  find = nothing;
  findByUserCode = nothing;
  findByUid = nothing;
  consume = nothing;
  destroy = nothing;
  revokeByGrantId = nothing;
}

function nothing(): Promise<undefined> {
  return Promise.resolve(undefined);
}

function refused(description: string): Error {
  return new errors.CustomOIDCProviderError('invalid_grant', description);
}

/** Compared by their hashes: equal lengths, and a time that tells nothing. */
function isSame(given: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(secret));
}
