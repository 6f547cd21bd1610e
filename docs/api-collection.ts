// The collection of calls for Postman (v2.1), which Bruno and Insomnia import as well.
import { type ApiDocument, type DocumentOperation, operationsOf } from '../src/api/document-form.ts';

const SCHEMA = 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json';
const JSON_TYPE = 'application/json';

/** The request for a token, whose test keeps the token in the variable `token`. */
const tokenRequest = {
  name: 'Get a token',
  event: [
    {
      listen: 'test',
      script: {
        type: 'text/javascript',
        exec: ["pm.collectionVariables.set('token', pm.response.json().access_token);"],
      },
    },
  ],
  request: {
    method: 'POST',
    auth: {
      type: 'basic',
      basic: [
        { key: 'username', value: '{{client_id}}', type: 'string' },
        { key: 'password', value: '{{client_secret}}', type: 'string' },
      ],
    },
    header: [],
    body: {
      mode: 'urlencoded',
      urlencoded: [
        { key: 'grant_type', value: 'client_credentials', type: 'text' },
        { key: 'resource', value: 'urn:latchkey:api', type: 'text' },
        { key: 'scope', value: '{{scope}}', type: 'text' },
      ],
    },
    url: { raw: '{{issuer}}/oidc/token', host: ['{{issuer}}'], path: ['oidc', 'token'] },
  },
};

/** A collection with a folder for each noun and a request for each operation. */
export function collectionOf(document: ApiDocument): object {
  const all = operationsOf(document);
  return {
    info: {
      name: document.info.title,
      description: 'Set the variables issuer, client_id, client_secret and scope, send "Get a token", then any call.',
      schema: SCHEMA,
    },
    auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{token}}', type: 'string' }] },
    variable: ['issuer', 'client_id', 'client_secret', 'scope', 'token'].map((key) => ({
      key,
      value: key === 'issuer' ? 'http://localhost:3000' : key === 'scope' ? 'users.read' : '',
    })),
    item: [
      tokenRequest,
      ...document.tags.map(({ name, description }) => ({
        name,
        description,
        item: all.filter(({ operation }) => operation.tags[0] === name).map(requestOf),
      })),
    ],
  };
}

function requestOf({ path, method, operation }: { path: string; method: string; operation: DocumentOperation }) {
  const { operationId, description, parameters = [], requestBody } = operation;
  const body = requestBody?.content[JSON_TYPE];
  const placed = (place: string) => parameters.filter((parameter) => parameter.in === place);
  const address = path.replaceAll(/\{(\w+)\}/g, ':$1');
  return {
    name: operationId,
    request: {
      method: method.toUpperCase(),
      description,
      header: [
        ...(body ? [{ key: 'Content-Type', value: JSON_TYPE }] : []),
        ...placed('header').map(({ name, description: text = '' }) => ({
          key: name,
          value: name === 'Idempotency-Key' ? '{{$guid}}' : '',
          description: text,
          disabled: true,
        })),
      ],
      url: {
        raw: `{{issuer}}${address}`,
        host: ['{{issuer}}'],
        path: address.slice(1).split('/'),
        query: placed('query').map(({ name, schema, description: text }) => ({
          key: name,
          value: schema.default === undefined ? '' : String(schema.default),
          description: text ?? schema.description ?? '',
          disabled: true,
        })),
        variable: placed('path').map(({ name, example }) => ({ key: name, value: String(example) })),
      },
      ...(body
        ? { body: { mode: 'raw', raw: JSON.stringify(body.example, null, 2), options: { raw: { language: 'json' } } } }
        : {}),
    },
  };
}
