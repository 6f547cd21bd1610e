import { OWN_API } from '#applications/apis/module.ts';
import { parseJson } from '#kernel/http/body.ts';
import type { DirectCalls } from '#kernel/http/direct-calls.ts';
import { requestIdField } from '#kernel/http/problem.ts';
import type { AccessTokens } from '#oidc/module.ts';
import { type Callers, mayCall } from './callers.ts';
import { hasEntityTag, type MountedOperation } from './mounted-operation.ts';
import { entityTagOfAnswer } from './preconditions/entity-tag.ts';
import type { Tell } from './rate-limit.ts';

type Dependencies = {
  mounted: readonly MountedOperation[];
  tokens: Pick<AccessTokens, 'known'>;
  callers: Callers;
};

/** An id as a segment of a path. No fixed segment of an address looks like one. */
const idSegment = /\/([a-z]+_[0-9a-z]{26})(?=\/|$)/g;
const parameter = /\{\w+\}/g;
/** Names and values that mean themselves. */
const plainQuery = /^[a-z_]+=[\w.~-]+(&[a-z_]+=[\w.~-]+)*$/;

/**
 * The calls that are answered before the middleware: operations that only read, with a token that was checked a moment ago. The
 * limits, the permissions and the operation are the same as behind the routes.
 */
export function directCalls({ mounted, tokens, callers }: Dependencies): DirectCalls {
  const reading = new Map(
    mounted
      .filter(({ operation, route }) => (route.reads || operation.isQuestion) && operation.deprecated === null)
      .map((each) => [`${each.route.method} ${each.route.path.replaceAll(parameter, '{}')}`, withParams(each)]),
  );
  return {
    find(req) {
      const { method, url = '', headers } = req;
      const queryAt = url.indexOf('?');
      const path = queryAt < 0 ? url : url.slice(0, queryAt);
      const ids: string[] = [];
      const place = path.replaceAll(idSegment, (_, id: string) => (ids.push(id), '/{}'));
      const found = reading.get(`${method} ${place}`);
      if (!found || found.params.length !== ids.length) return undefined;
      const query = queryAt < 0 ? {} : found.mounted.route.reads ? readPlain(url.slice(queryAt + 1)) : null;
      const token = query && tokens.known(headers.authorization, OWN_API);
      if (!token) return undefined;
      const { mounted: operation } = found;
      return async (visitor, body) => {
        const params = Object.fromEntries(found.params.map((name, at) => [name, ids[at]]));
        const organizationId = operation.organizationOf(params);
        if (organizationId === null) return null;
        const fields: string[] = [];
        const tell: Tell = (told) => {
          for (const name in told) fields.push(name, told[name]!);
        };
        tell(requestIdField(visitor.requestId));
        const caller = await callers.identify(req, async () => token, visitor, organizationId ?? null, tell);
        if (!mayCall(caller, operation, organizationId)) return null;
        const input = operation.route.reads ? operation.readQuery(query) : parseJson(body);
        const answer = await operation.body({ params: operation.readParams(params), input }, caller.by);
        if (hasEntityTag(operation.operation)) fields.push('ETag', entityTagOfAnswer(answer));
        return { json: answer.json, fields };
      };
    },
  };
}

function withParams(mounted: MountedOperation) {
  const names = mounted.route.path.match(parameter) ?? [];
  return { mounted, params: names.map((name) => name.slice(1, -1)) };
}

/** Null for a query that could be read in more than one way: with escapes, empty or repeated members. */
function readPlain(text: string): Record<string, string> | null {
  if (!plainQuery.test(text)) return null;
  const members = text.split('&').map((pair) => pair.split('=', 2) as [string, string]);
  const query = Object.fromEntries(members);
  return Object.keys(query).length === members.length ? query : null;
}
