import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { clientNotFound } from '#applications/clients/errors.ts';
import { organizationNotFound } from '#directory/organizations/errors.ts';
import { userNotFound } from '#directory/users/errors.ts';
import { givenEmail } from '#directory/users/typed/email-address.ts';
import type { UserService } from '#directory/users/module.ts';
import { parseId } from '#kernel/ids.ts';
import { operation } from '#kernel/operations/operation.ts';
import type { ClaimsPreview } from './claims-preview.ts';

type Services = { preview: Pick<ClaimsPreview, 'preview'>; users: Pick<UserService, 'findByIdentifier'> };

const told = z.record(z.string(), z.unknown()).nullable();

const previewClaims = operation({
  name: 'clients.preview_claims',
  permission: 'users.read',
  params: { client_id: z.string() },
  input: z.strictObject({
    user: givenEmail.min(1).max(320).describe('User, by id, email address or username'),
    scope: z
      .string()
      .max(1024)
      .default('openid profile email')
      .describe('Scopes that are granted, separated by spaces'),
    organization_id: z.string().optional().describe('Organization that the sign-in is for; none by default'),
  }),
  output: z.strictObject({
    client_id: z.string(),
    user_id: z.string(),
    scope: z.string().describe('The scopes that the client may have of these'),
    id_token: told.describe('Without the claims that depend on the sign-in, such as exp, nonce and acr'),
    userinfo: told,
  }),
  errors: [clientNotFound, userNotFound, organizationNotFound],
  isQuestion: true,
  description: 'Show the claims that a client would see of a user, in the ID token and at userinfo.',
  example: { user: 'ada@example.com', scope: 'openid profile' },
  run: async (
    { client_id: clientId, user, scope, organization_id: organization = null },
    _by: By,
    { preview, users }: Services,
  ) => {
    const userId = parseId('usr', user) ?? (await users.findByIdentifier(user))?.id;
    if (!userId) throw userNotFound();
    const { scopes, idToken, userinfo } = await preview.preview(clientId, { userId, scope, organization });
    return { client_id: clientId, user_id: userId, scope: scopes.join(' '), id_token: idToken, userinfo };
  },
});

export const claimsPreviewOperations = [previewClaims];
