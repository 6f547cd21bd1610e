import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { directCalls } from '#api/direct-calls.ts';
import { mountedOperations } from '#api/mounted-operation.ts';
import { bindOperations } from '#kernel/operations/bound-operation.ts';
import { newId } from '#kernel/ids.ts';
import { mounted } from '../../src/app/api.ts';
import { operations } from '../../src/app/operations.ts';

const all = mountedOperations(bindOperations(operations as never, {} as never), mounted);
const valid = {
  kind: 'valid',
  clientId: '',
  accountId: null,
  organizationId: null,
  sessionId: null,
  scopes: new Set<string>(),
  scheme: 'Bearer',
} as const;
const direct = directCalls({
  mounted: all,
  tokens: { known: (authorization) => (authorization === 'Bearer known' ? valid : undefined) },
  callers: undefined as never,
});
const isFound = (method: string, url: string, authorization = 'Bearer known'): boolean =>
  direct.find({ method, url, headers: { authorization } } as IncomingMessage) !== undefined;

const user = `/api/v1/users/${newId('usr')}`;
const organization = `/api/v1/organizations/${newId('org')}`;

describe('calls that are answered before the middleware', () => {
  test.each([
    ['GET', user],
    ['GET', organization],
    ['GET', '/api/v1/users'],
    ['GET', '/api/v1/users?limit=2'],
    ['GET', '/api/v1/users?limit=2&sort=-created_at&status=active'],
    ['GET', `${organization}/members`],
    ['GET', `${organization}/members?limit=5`],
    ['POST', '/api/v1/access/check'],
    ['POST', `${organization}/access/explain`],
  ])('%s %s', (method, url) => {
    expect(isFound(method, url)).toBe(true);
    expect(isFound(method, url, 'Bearer unknown')).toBe(false);
  });
});

describe('calls that are left to the application', () => {
  test.each([
    ['a slash at the end', 'GET', `${user}/`],
    ['an escape in the path', 'GET', user.replace('usr_', 'usr%5f')],
    ['an id of another form', 'GET', '/api/v1/users/ada'],
    ['an address that none has', 'GET', `${user}/unknown`],
    ['an escape in the query', 'GET', '/api/v1/users?search=a%20b'],
    ['a plus sign in the query', 'GET', '/api/v1/users?search=a+b'],
    ['a repeated member', 'GET', '/api/v1/users?limit=2&limit=3'],
    ['a member without a value', 'GET', '/api/v1/users?search='],
    ['an empty query', 'GET', '/api/v1/users?'],
    ['a token in the query', 'GET', '/api/v1/users?__proto__=1&limit=2#'],
    ['a question with a query', 'POST', '/api/v1/access/check?limit=2'],
    ['a method that changes something', 'DELETE', user],
    ['a verb that changes something', 'POST', `${user}/disable`],
    ['a POST that records nothing and has an effect', 'POST', '/api/v1/keys/reencrypt'],
  ])('%s', (_what, method, url) => {
    expect(isFound(method, url)).toBe(false);
  });

  test('an operation that records an event is none of them', () => {
    for (const { operation } of all) if (operation.isQuestion) expect(operation.event, operation.name).toBeNull();
  });
});
