import { Provider } from 'oidc-provider';
import { jwtReader } from '../introspection/jwt-introspection.ts';
import { type Patch, source } from './patch.ts';

type FindToken = (value: string, options?: unknown) => Promise<object | undefined>;

/** A mark that no token has: what bears it is no JWT to the engine. */
const MARK = '~jwt:';
const isJwt = (text: unknown): text is string => typeof text === 'string' && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);

/** RFC 7662 §2: an API may ask about any access token that was made for it, in whichever format. */
export const introspectedJwts: Patch = {
  members: { 'Client.find': { method: 1 }, 'AccessToken.find': { method: 0 } },
  reason: 'The engine refuses to introspect access tokens that are JWTs.',
  upstream: source('shared/reject_structured_tokens.js'),
  apply(engine, deps) {
    const { find: findClient } = engine.Client;
    engine.Client.find = (clientId: string) => {
      const params = introspected();
      if (params && isJwt(params['token'])) params['token'] = MARK + params['token'];
      return findClient.call(engine.Client, clientId);
    };
    const read = jwtReader(engine, deps);
    const tokens = engine.AccessToken as unknown as { find: FindToken };
    const { find } = tokens;
    tokens.find = async (value, options) => {
      if (!introspected() || !value.startsWith(MARK)) return find.call(tokens, value, options);
      return read(value.slice(MARK.length)).catch(() => undefined);
    };
  },
};

function introspected(): Record<string, unknown> | undefined {
  const ctx = Provider.ctx;
  return ctx?.oidc.route === 'introspection' ? ctx.oidc.params : undefined;
}
