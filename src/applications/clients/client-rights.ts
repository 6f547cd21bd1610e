import type { By } from '#audit/module.ts';
import { type ApiAccess, allowedScopes } from './api-access.ts';
import { rightsMissing } from './errors.ts';

/** The management API: its scopes are the permissions. */
export type OwnApi = { identifier: string; scopes: readonly { name: string }[] };
/** The members of a client that say what it may do by itself. */
type Held = { metadata: { readonly grant_types?: readonly string[] | undefined } | null; apis: ApiAccess };

/**
 * Keeps the actor from reaching by a client what the actor lacks: a client that acts for itself has the scopes of the management API that
 * are allowed to it, and a secret, a key or a new grant type would hand them to the actor.
 */
export class ClientRights {
  readonly #ownApi: OwnApi;

  constructor(ownApi: OwnApi) {
    this.#ownApi = ownApi;
  }

  /** Throws clients.rights_missing, where the client may do by itself what the actor may not. */
  requireOver({ metadata, apis }: Held, { may }: By): void {
    if (!metadata?.grant_types?.includes('client_credentials')) return;
    const scopes = allowedScopes(apis, this.#ownApi) ?? [];
    if (!scopes.every(({ name }) => may?.(name) === true)) throw rightsMissing();
  }
}
