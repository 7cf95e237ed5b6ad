import { readFileSync } from 'node:fs';
import type { StackAddresses } from './addresses.js';
import { StackError } from './failure.js';

/** A person's token from the local issuer, for the demo and the tests; the CLI asks for it the same way. */
export async function tokenOf(person: string, { issuer }: Pick<StackAddresses, 'issuer'>): Promise<string> {
  if (issuer.secretFile === undefined) {
    throw new StackError(`${issuer.url} is not the local issuer`, [
      'get a token from your identity provider',
    ]);
  }
  const response = await fetch(`${issuer.url}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: issuer.grantType,
      client_id: issuer.clientId,
      person,
      secret: readFileSync(issuer.secretFile, 'utf8').trim(),
    }),
  });
  const answer = (await response.json()) as { access_token?: string; error_description?: string };
  if (answer.access_token === undefined) {
    throw new StackError(
      `no token for "${person}" from ${issuer.url}: ${answer.error_description ?? response.status}`,
    );
  }
  return answer.access_token;
}
