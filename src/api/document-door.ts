/** The headers that the door takes and sends, in the finished document. */
import type { NamedError } from '#kernel/operations/operation.ts';
import type { ApiDocument, DocumentOperation, DocumentResponse } from './document-form.ts';
import { operationsOf } from './document-form.ts';
import {
  conditionInvalid,
  conditionNotTaken,
  conditionStale,
  idempotencyKeyInUse,
  idempotencyKeyInvalid,
  idempotencyKeyReused,
  objectBusy,
} from './errors.ts';
import type { MountedOperation } from './mounted-operation.ts';
import type { ItsObject } from './preconditions/objects.ts';

type Objects = ReadonlyMap<MountedOperation, ItsObject>;

/** The refusals of conditions and of idempotency keys, for the operations that take them. */
export function headerErrors(each: MountedOperation, { read, queue }: ItsObject): readonly NamedError[] {
  return [
    conditionInvalid,
    ...(read === null ? [conditionNotTaken] : [conditionStale]),
    ...(queue === null ? [] : [objectBusy]),
    ...(takesKey(each) ? [idempotencyKeyInvalid, idempotencyKeyInUse, idempotencyKeyReused] : []),
  ];
}

const takesKey = ({ route }: MountedOperation): boolean => route.method === 'POST';

/** Adds the headers of requests and answers. The document is changed and given back. */
export function withHeaders(document: ApiDocument, objects: Objects): ApiDocument {
  const places = new Map(operationsOf(document).map(({ operation }) => [operation.operationId, operation]));
  for (const [each, object] of objects) {
    const described = places.get(each.operation.name)!;
    described.parameters = [...(described.parameters ?? []), ...parametersOf(each, object)];
    if (described.parameters.length === 0) delete described.parameters;
    addAnswerHeaders(described, each, object);
    const body = described.requestBody?.content;
    // RFC 7396: the media type says how the members are taken.
    if (each.route.method === 'PATCH' && body) body['application/merge-patch+json'] = body['application/json']!;
  }
  for (const response of Object.values(document.components.responses ?? {})) addHeaders(response, everywhere);
  return Object.assign(document, { components: { ...document.components, headers } });
}

function addAnswerHeaders(described: DocumentOperation, each: MountedOperation, { read, queue }: ItsObject): void {
  const { responses } = described;
  const done = responses[String(each.route.status)]!;
  const isRead = read === each;
  const showsTag = isRead || (read !== null && queue !== null && each.route.method !== 'DELETE');
  for (const response of Object.values(responses)) if (response.$ref === undefined) addHeaders(response, everywhere);
  addHeaders(done, [
    ...(showsTag ? ['ETag'] : []),
    ...(each.route.status === 201 ? ['Location'] : []),
    ...(takesKey(each) ? ['Idempotency-Replayed'] : []),
    ...(each.operation.deprecated === null ? [] : ['Deprecation', 'Sunset', 'Link']),
  ]);
  if (isRead) responses['304'] = addHeaders({ description: 'Not Modified' }, [...everywhere, 'ETag']);
}

function addHeaders(response: DocumentResponse, names: readonly string[]): DocumentResponse {
  const added = names.map((name) => [name, { $ref: `#/components/headers/${name}` }]);
  return Object.assign(response, { headers: { ...response.headers, ...Object.fromEntries(added) } });
}

const parameter = (name: string, description: string, example: string) => ({
  in: 'header',
  name,
  description,
  schema: { type: 'string' },
  example,
});
const TAG = '"sQ3zUt1W0x5kY5oqkW3oQvLJm1B1yPiVQm3pDkC2mNo"';
const ifNoneMatch = parameter(
  'If-None-Match',
  'The ETag of an earlier answer: 304 without a body where it is still the same.',
  TAG,
);
const ifMatch = parameter(
  'If-Match',
  'The ETag of the read of this object: 412 where the object has changed since.',
  TAG,
);
const idempotencyKey = parameter(
  'Idempotency-Key',
  'A text of your choice for this request, such as a random UUID. For 24 hours the same request with the same key gets the same answer, and has its effect once.',
  '8e03978e-40d5-43e8-bc93-6894a57f9324',
);

const parametersOf = (each: MountedOperation, { read }: ItsObject) => [
  ...(takesKey(each) ? [idempotencyKey] : []),
  ...(read === null ? [] : [read === each ? ifNoneMatch : ifMatch]),
];

const everywhere = ['X-Request-Id', 'RateLimit', 'RateLimit-Policy'];

const header = (description: string) => ({ description, schema: { type: 'string' } });
const headers = {
  'X-Request-Id': header('Stands in the logs of this server'),
  RateLimit: header(
    'The rest of the limit, and seconds until it starts again: "api-calls";r=587;t=42. Without a valid token there is none',
  ),
  'RateLimit-Policy': header('The limit: calls and seconds, "api-calls";q=600;w=60'),
  ETag: header('The version of the object, for If-Match and If-None-Match'),
  Location: header('The address of what was made, where it can be read'),
  'Idempotency-Replayed': header('true where this is the answer to an earlier call with the same Idempotency-Key'),
  Deprecation: header('The day from which clients should use another operation (RFC 9745)'),
  Sunset: header('The day from which the operation may be missing (RFC 8594)'),
  Link: header('The operation to use instead, as successor-version'),
};
