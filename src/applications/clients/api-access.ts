import { z } from 'zod';
import { MOST_APIS } from './limits.ts';

/** Every scope of the API, also those that it gets later. */
export const ALL_SCOPES = '*';

/** API identifier -> the scopes of it that a client may ask for. An API that is not named is closed to the client. */
export type ApiAccess = Readonly<Record<string, readonly string[]>>;

export const apiAccessSchema = z
  .record(
    z.string().min(1).max(2048),
    z
      .array(z.string().min(1).max(256))
      .min(1)
      .transform((scopes) => [...new Set(scopes)])
      .refine((scopes) => scopes.length <= 200, 'must hold at most 200 different scopes'),
  )
  .refine((apis) => Object.keys(apis).length <= MOST_APIS, `must name at most ${MOST_APIS} APIs`);

/** Of one option: `https://api.example.com` for all its scopes, or `https://api.example.com=read,write`. */
export function collectApiAccess(text: string, previous: unknown): unknown {
  const at = text.lastIndexOf('=');
  const [api, scopes] = at < 0 ? [text, [ALL_SCOPES]] : [text.slice(0, at), text.slice(at + 1).split(',')];
  return { ...(previous as ApiAccess | undefined), [api]: scopes };
}

/** The scopes that are left for a client. */
export function allowedScopes<S extends { name: string }>(
  access: ApiAccess,
  api: { identifier: string; scopes: readonly S[] },
): S[] | null {
  const allowed = Object.hasOwn(access, api.identifier) ? access[api.identifier] : undefined;
  if (!allowed) return null;
  return allowed.includes(ALL_SCOPES) ? [...api.scopes] : api.scopes.filter((scope) => allowed.includes(scope.name));
}
