import { OWN_API } from '#applications/apis/module.ts';
import { parseJson } from '#kernel/http/body.ts';
import type { DirectCalls } from '#kernel/http/direct-calls.ts';
import type { AccessTokens } from '#oidc/module.ts';
import type { Callers } from './callers.ts';
import type { MountedOperation } from './mounted-operation.ts';

type Dependencies = {
  mounted: readonly MountedOperation[];
  tokens: Pick<AccessTokens, 'known'>;
  callers: Callers;
};

/**
 * The calls that are answered before the middleware: operations that only read and stand at one address, with a token that was checked a
 * moment ago. The limits, the permissions and the operation are the same as behind the routes.
 */
export function directCalls({ mounted, tokens, callers }: Dependencies): DirectCalls {
  const reading = new Map(
    mounted
      .filter(({ operation, route }) => operation.event === null && !route.path.includes('{'))
      .map((each) => [`${each.route.method} ${each.route.path}`, each]),
  );
  return {
    find({ method, url, headers }) {
      const found = reading.get(`${method} ${url}`);
      const token = found && tokens.known(headers.authorization, OWN_API);
      if (!token) return undefined;
      return async (visitor, body) => {
        const { by } = await callers.identify(async () => token, visitor, null);
        if (!by.may(found.permission)) return null;
        const input = found.route.reads ? found.readQuery({}) : parseJson(body);
        return JSON.stringify(await found.call({ params: {}, input }, by));
      };
    },
  };
}
