import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { rightsMissing } from '#directory/users/errors.ts';
import type { UpstreamTokenSet } from '#directory/identities/module.ts';
import type { RoleHolders } from '#directory/users/module.ts';
import { parseId } from '#kernel/ids.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import {
  noUpstreamToken,
  providerUnreachable,
  tokenClientRefused,
  tooManyTokenFetches,
  upstreamSignInNeeded,
} from './errors.ts';
import { userUpstreamTokenFetched } from './events.ts';
import { LONGEST_IDENTIFIER } from './limits.ts';
import type { UpstreamTokens } from './upstream-tokens.ts';

type Services = {
  upstreamTokens: Pick<UpstreamTokens, 'handOut' | 'handOutTo'>;
  roleHolders: Pick<RoleHolders, 'requireRightsOver'>;
};

const connection = z.string().max(128).describe('Slug of the connection');
const input = z.strictObject({
  subject: z
    .string()
    .max(LONGEST_IDENTIFIER)
    .optional()
    .describe('Subject of the identity there, where the user has several; default: the one that was used last'),
});
const output = z.strictObject({
  access_token: z.string(),
  token_type: z.string(),
  expires_at: timeSchema.nullable(),
  scope: z.string().nullable(),
});

/** Without the refresh token, which never leaves. */
const onWire = ({ accessToken, tokenType, expiresAt, scope }: UpstreamTokenSet): z.input<typeof output> => ({
  access_token: accessToken,
  token_type: tokenType,
  expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  scope,
});

const fetchToken = operation({
  name: 'users.identities.fetch_token',
  permission: 'identities.tokens.export',
  params: { user_id: idSchema('usr'), connection },
  input,
  output,
  errors: [rightsMissing, noUpstreamToken, providerUnreachable],
  event: userUpstreamTokenFetched,
  description:
    'Fetch an access token of a user at an identity provider whose connection keeps tokens. One that has expired is refreshed.',
  example: {},
  run: async ({ user_id: userId, connection: slug, subject = null }, by: By, services: Services) => {
    await services.roleHolders.requireRightsOver(userId, by);
    return onWire(await services.upstreamTokens.handOut({ userId, connection: slug, subject }, by));
  },
});

const fetchOwnToken = operation({
  name: 'me.identities.fetch_token',
  permission: 'own_identities.tokens.export',
  params: { connection },
  input,
  output,
  errors: [tokenClientRefused, noUpstreamToken, upstreamSignInNeeded, tooManyTokenFetches, providerUnreachable],
  event: userUpstreamTokenFetched,
  description:
    'Fetch an access token of the signed-in user at an identity provider, through a client that the connection names in token_clients. One that has expired is refreshed.',
  example: {},
  // The command line has no signed-in user.
  command: false,
  run: async ({ connection: slug, subject = null }, by: By, { upstreamTokens }: Services) => {
    const userId = by.actor.type === 'user' ? parseId('usr', by.actor.id ?? '') : null;
    if (userId === null || by.clientId === undefined) throw tokenClientRefused();
    return onWire(await upstreamTokens.handOutTo(by.clientId, { userId, connection: slug, subject }, by));
  },
});

export const tokenOperations = [fetchToken, fetchOwnToken];
