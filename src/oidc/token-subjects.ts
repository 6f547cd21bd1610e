import { askWithoutClient } from './client-authentication/client-authentication.ts';
import type { Engine } from './engine.ts';
import { currentRequest } from './patches/inner-parts.ts';
import { markedJwt } from './patches/token-patches.ts';

/** The subject of an access token, and the present authority of the token. */
type FoundToken = {
  clientId: string;
  /** Null where a client acts for itself. */
  accountId: string | null;
  organizationId: string | null;
  audience: string | null;
  scopes: ReadonlySet<string>;
};
type Found = {
  isValid: boolean;
  clientId?: string;
  accountId?: string;
  aud?: string | string[];
  scope?: string;
  origin?: { organization?: string };
};

/** Finds access tokens by their text, for callers inside this process, as introspection does. */
export class TokenSubjects {
  readonly #engine: () => Engine;

  constructor(engine: () => Engine) {
    this.#engine = engine;
  }

  /** Null for a token that introspection would call inactive, and for a text that is no access token. */
  async find(token: string): Promise<FoundToken | null> {
    const engine = this.#engine();
    const request = askWithoutClient();
    const found = await currentRequest.run(request, async () => {
      const ofUser = (await engine.AccessToken.find(markedJwt(token))) as Found | undefined;
      return ofUser ?? ((await engine.ClientCredentials.find(token)) as Found | undefined);
    });
    if (!found?.isValid || found.clientId === undefined) return null;
    return {
      clientId: found.clientId,
      accountId: found.accountId ?? null,
      organizationId: found.origin?.organization ?? null,
      audience: [found.aud].flat()[0] ?? null,
      scopes: new Set(found.scope?.split(' ').filter(Boolean)),
    };
  }
}
