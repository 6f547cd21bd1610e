import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import type { ApiStore } from '../resources.ts';

type Token = { clientId?: string | undefined; aud?: string | string[] | undefined };

/**
 * RFC 7662 §4: a caller learns about tokens that it got itself, and about those whose audience it serves. Everybody else
 * hears `{"active":false}` and nothing more. Tokens of a client that is gone were refused before.
 */
export function mayIntrospect(apis: Pick<ApiStore, 'isServedBy'>) {
  return async (_ctx: KoaContextWithOIDC, client: Client, { clientId, aud }: Token): Promise<boolean> => {
    if (client.clientAuthMethod === 'none' || clientId === undefined) return false;
    if (clientId === client.clientId) return true;
    const audiences = [aud].flat().filter((audience) => audience !== undefined);
    const serves = await Promise.all(audiences.map((audience) => apis.isServedBy(audience, client.clientId)));
    return serves.includes(true);
  };
}
