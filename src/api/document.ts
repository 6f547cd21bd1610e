/** The document of the management API (OpenAPI 3.1), made from the operations that are mounted. */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiResponseObject } from 'zod-openapi';
import { apiScopes, permissions } from '#directory/access/module.ts';
import { OWN_API } from '#applications/apis/module.ts';
import { retryAfter } from '#kernel/http/problem.ts';
import { deprecationWords, type NamedError, type Operation } from '#kernel/operations/operation.ts';
import { doorErrors, notFound, unexpectedBody } from './errors.ts';
import type { ApiDocument } from './document-form.ts';
import { withParts } from './document-parts.ts';
import { headerErrors, withHeaders } from './document-door.ts';
import { tagOf, tagsOf } from './document-tags.ts';
import type { MountedOperation } from './mounted-operation.ts';
import { type ItsObject, objectsOf } from './preconditions/objects.ts';

type Described = { issuer: string; version: string; mounted: readonly MountedOperation[] };

/** The document as JSON: an address for each operation, with its parameters, body, responses, errors and scope. */
export function documentOf({ issuer, version, mounted }: Described): ApiDocument {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  const objects = objectsOf(mounted);
  for (const each of mounted) {
    const { path, method } = each.route;
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationObject(each, objects.get(each)!) };
  }
  const document = createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Latchkey management API',
      version,
      description: `Every call shows an access token for the resource ${OWN_API} (RFC 8707). Errors are problem details (RFC 9457) with a stable \`code\`.`,
    },
    servers: [{ url: issuer }],
    tags: tagsOf(mounted.map(({ operation }) => operation.name)),
    paths,
    components: { securitySchemes: securitySchemes(issuer) },
  });
  return withHeaders(withParts(JSON.parse(JSON.stringify(document)) as ApiDocument), objects);
}

function operationObject(mounted: MountedOperation, object: ItsObject): ZodOpenApiOperationObject {
  const { operation, permission, route, input } = mounted;
  const { deprecated } = operation;
  const hasInput = Object.keys(input.shape).length > 0;
  const examples = operation.example === undefined ? {} : { example: operation.example };
  return {
    operationId: operation.name,
    tags: [tagOf(operation.name)],
    summary: operation.description.split(/(?<=\.) /)[0]!,
    description:
      deprecated === null
        ? operation.description
        : `${deprecationWords(deprecated, deprecated.use)} ${operation.description}`,
    ...(deprecated === null ? {} : { deprecated: true }),
    security: [{ oauth2: [permission] }, { openIdConnect: [permission] }],
    requestParams: { path: operation.params, ...(route.reads ? { query: input } : {}) },
    ...(hasInput && !route.reads
      ? {
          requestBody: {
            required: !input.safeParse({}).success,
            content: { 'application/json': { schema: input, ...examples } },
          },
        }
      : {}),
    responses: {
      [route.status]: {
        description: STATUS_CODES[route.status]!,
        content: { 'application/json': { schema: operation.output } },
      },
      ...errorResponses([
        ...doorErrors,
        ...requestErrors,
        ...headerErrors(mounted, object),
        ...(route.reads ? readingErrors : writingErrors),
        ...operation.errors,
        ...(saysMissing(operation) ? [] : [notFound]),
        ...faults,
      ]),
    },
  };
}

/** Whether the operation has words of its own for an id of nothing, or takes no id. */
const saysMissing = ({ params, errors }: Operation): boolean =>
  Object.keys(params.shape).length === 0 || errors.some(({ status, message }) => status === 404 && message !== null);

const requestErrors: readonly NamedError[] = [
  { code: 'request.invalid_text', status: 400, message: 'The request contains bytes that are not text.' },
  { code: 'request.repeated_parameter', status: 400, message: 'The address names a parameter twice.' },
  {
    code: 'request.unsupported_media_type',
    status: 415,
    message: 'The body must be JSON (application/json, UTF-8), without a content encoding.',
  },
];
const readingErrors: readonly NamedError[] = [
  unexpectedBody,
  { code: 'input.invalid', status: 422, message: 'Correct these members: limit must be at most 200.' },
];
const writingErrors: readonly NamedError[] = [
  { code: 'request.invalid_json', status: 400, message: 'The body is not JSON, or is nested too deeply.' },
  { code: 'request.too_large', status: 413, message: 'The body is larger than 262144 bytes.' },
  { code: 'input.invalid', status: 422, message: 'Correct these members: reason must have at most 200 characters.' },
];
const faults: readonly NamedError[] = [
  { code: 'server.fault', status: 500, message: 'The server failed. The request id identifies the error in its log.' },
  {
    code: 'server.unavailable',
    status: 503,
    message: 'A service that this server needs is unavailable. Try again shortly.',
  },
];

const problem = z
  .looseObject({
    type: z.string().describe('A URN that holds the code'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('Advice for readers of the client’s logs'),
    code: z.string().describe('Stable; what programs compare'),
    requestId: z.string().describe('Stands in the logs of this server'),
    errors: z.record(z.string(), z.string()).optional().describe('The error of each wrong member of the input'),
  })
  .meta({ id: 'Problem', description: 'Problem details (RFC 9457)' });

function errorResponses(errors: readonly NamedError[]): Record<string, ZodOpenApiResponseObject> {
  return Object.fromEntries(
    [...Map.groupBy(errors, ({ status }) => status)].map(([status, named]) => [
      String(status),
      errorResponse(status, named),
    ]),
  );
}

function errorResponse(status: number, named: readonly NamedError[]): ZodOpenApiResponseObject {
  const title = STATUS_CODES[status] ?? 'Error';
  const examples = named.map(({ code, message }) => [
    code,
    {
      value: {
        type: `urn:latchkey:problem:${code}`,
        title,
        status,
        detail: message ?? title,
        code,
        requestId: REQUEST_ID,
      },
    },
  ]);
  return {
    description: `${title}: ${named.map(({ code }) => code).join(', ')}`,
    ...(headers[status] ? { headers: headers[status] } : {}),
    content: {
      'application/problem+json': { schema: problem, examples: Object.fromEntries(examples) as Record<string, object> },
    },
  };
}

const REQUEST_ID = '0195b7e0-3f6a-4c1d-9e52-7a8b9c0d1e2f';
const wait = Object.fromEntries(
  Object.keys(retryAfter(1)).map((name) => [
    name,
    { schema: { type: 'integer' as const }, description: 'Seconds to wait' },
  ]),
);
const challenge = {
  'WWW-Authenticate': { schema: { type: 'string' as const }, description: 'RFC 6750 §3, RFC 9449 §7.1' },
};
const headers: Readonly<Record<number, NonNullable<ZodOpenApiResponseObject['headers']>>> = {
  401: challenge,
  403: challenge,
  429: wait,
  503: wait,
};

function securitySchemes(issuer: string) {
  const scopes = { ...permissions };
  const tokenUrl = `${issuer}/oidc/token`;
  return {
    oauth2: {
      type: 'oauth2' as const,
      description: `Ask for a token with resource=${OWN_API}.`,
      flows: {
        authorizationCode: {
          authorizationUrl: `${issuer}/oidc/auth`,
          tokenUrl,
          refreshUrl: tokenUrl,
          scopes: { ...apiScopes },
        },
        clientCredentials: { tokenUrl, scopes },
      },
    },
    openIdConnect: {
      type: 'openIdConnect' as const,
      openIdConnectUrl: `${issuer}/.well-known/openid-configuration`,
    },
  };
}
