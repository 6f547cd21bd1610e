import { z } from 'zod';
import { operator } from '#audit/module.ts';
import { commandInput } from '#kernel/control.ts';
import { parseId } from '#kernel/ids.ts';
import type { UserId } from '#users/module.ts';
import type { ConsentService } from './consent-service.ts';
import type { Consent } from './consent.ts';
import { consentInvalid } from './errors.ts';

const ofUser = z.object({ user: z.string() });
const ofClient = ofUser.extend({ client_id: z.string() });

/** `latchkey consent …` */
export function consentCommands(consents: ConsentService) {
  return {
    async 'consent.list'(input: unknown) {
      return { consents: (await consents.list(userIdOf(ofUser.safeParse(input).data?.user))).map(consentOnWire) };
    },
    async 'consent.revoke'(input: unknown) {
      const { user, client_id: clientId } = commandInput(ofClient, input, () =>
        consentInvalid('Name the user and the client.'),
      );
      await consents.revoke(userIdOf(user), clientId, operator);
      return { client_id: clientId, revoked: true };
    },
  };
}

function consentOnWire({ clientId, scopes, claims, resourceScopes, createdAt, updatedAt }: Consent) {
  return {
    client_id: clientId,
    scope: scopes.join(' '),
    claims,
    resource_scopes: resourceScopes,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

function userIdOf(text: string | undefined): UserId {
  const id = text === undefined ? null : parseId('usr', text);
  if (!id) throw consentInvalid('Name the user by an id like usr_01h455vb4pex5vsknk084sn02q.');
  return id;
}
