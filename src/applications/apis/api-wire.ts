/** An API as operations show one. */
import { z } from 'zod';
import type { ApiResource } from './api-resource.ts';
import { apiSigningAlgs, tokenFormats } from './api-tokens.ts';

export const scopeOnWire = z.strictObject({ name: z.string(), description: z.string() });

export const apiSchema = z.strictObject({
  id: z.string(),
  identifier: z.string().describe('The resource of requests (RFC 8707) and the audience of tokens'),
  name: z.string(),
  scopes: z.array(scopeOnWire),
  token_format: z.enum(tokenFormats),
  access_token_seconds: z.int(),
  signing_alg: z.enum(apiSigningAlgs),
  organization_permissions: z
    .boolean()
    .describe('Its tokens list the permissions of the user in the organization that they are for'),
  instance_permissions: z
    .boolean()
    .describe('Its tokens for no organization list the roles and permissions of the user on the instance'),
});

/** An API as the command line and the management API show one. */
export function apiOnWire(api: ApiResource): z.input<typeof apiSchema> {
  const { id, identifier, name, scopes, tokenFormat, accessTokenSeconds, signingAlg } = api;
  return {
    id,
    identifier,
    name,
    scopes,
    token_format: tokenFormat,
    access_token_seconds: accessTokenSeconds,
    signing_alg: signingAlg,
    organization_permissions: api.organizationPermissions,
    instance_permissions: api.instancePermissions,
  };
}
