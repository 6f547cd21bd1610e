import { defineEntity, p } from '@mikro-orm/core';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';
import type { ApiSigningAlg, TokenFormat } from './api-tokens.ts';

type ApiId = Id<'api'>;
export type ApiScope = { name: string; description: string };

const instant = () => p.datetime(3).columnType('timestamptz(3)');

/** A resource server: what an access token is for (RFC 8707). */
const ApiResourceSchema = defineEntity({
  name: 'ApiResource',
  tableName: 'api_resource',
  properties: {
    id: p.type(new IdColumn('api')).primary().$type<ApiId>(),
    /** The `resource` of requests and the `aud` of tokens. */
    identifier: p.text().unique('api_resource_identifier_unique'),
    name: p.text(),
    scopes: p.json<ApiScope[]>(),
    tokenFormat: p.text().$type<TokenFormat>(),
    accessTokenSeconds: p.integer(),
    signingAlg: p.text().$type<ApiSigningAlg>(),
    /** Its tokens list the permissions of the user in the organization that they are for. */
    organizationPermissions: p.boolean().default(false),
    /** The others list the roles and permissions of the user on the instance. */
    instancePermissions: p.boolean().default(false),
    createdAt: instant(),
    updatedAt: instant(),
  },
});
/** An API that access tokens are issued for (table `api_resource`). */
export class ApiResource extends ApiResourceSchema.class {}
ApiResourceSchema.setClass(ApiResource);
