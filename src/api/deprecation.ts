import { SECOND } from '#kernel/clock.ts';
import type { Deprecated } from '#kernel/operations/operation.ts';
import type { MountedOperation } from './mounted-operation.ts';
import { pathWith } from './preconditions/objects.ts';

type Ending = {
  issuer: string;
  deprecated: Deprecated;
  /** The operation to call instead. */
  successor: MountedOperation | undefined;
  params: Readonly<Record<string, string>>;
};

/** The fields of an operation that ends: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), and links to what is said and used instead. */
export function deprecationFields({ issuer, deprecated, successor, params }: Ending): Record<string, string> {
  const { since, sunset } = deprecated;
  const links = [`<${issuer}/api/openapi.json>; rel="deprecation"; type="application/json"`];
  const isKnown =
    successor && Object.keys(successor.operation.params.shape).every((name) => Object.hasOwn(params, name));
  if (isKnown) links.unshift(`<${issuer}${pathWith(successor.route.path, params)}>; rel="successor-version"`);
  return {
    Deprecation: `@${Date.parse(since) / SECOND}`,
    ...(sunset === undefined ? {} : { Sunset: new Date(sunset).toUTCString() }),
    Link: links.join(', '),
  };
}
