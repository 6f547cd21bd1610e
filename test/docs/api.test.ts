/** The files that are made from the document of the management API, and that every operation can be reached. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { operationsOf } from '#api/document-form.ts';
import { apiFiles, managementDocument, typesDigest } from '../../docs/write-api.ts';
import { mounted } from '../../src/app/api.ts';
import { operations } from '../../src/app/operations.ts';

const document = managementDocument();
const files = apiFiles(document);
const textOf = (path: string): string => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');

test.each(Object.keys(files))('%s is up to date (npm run docs:api writes it again)', (path) => {
  expect(textOf(path) === files[path]).toBe(true);
});

test('client/api.d.ts is made from the present document (npm run docs:api writes it again)', () => {
  expect(/Digest: (\S+)/.exec(textOf('client/api.d.ts'))?.[1]).toBe(typesDigest(document));
});

type Item = {
  name: string;
  item?: Item[];
  request?: { method: string; url: { raw: string; variable?: { key: string }[] } };
};

test('the collection has a request for a token and one for each operation, with its variables', () => {
  const { item: folders } = JSON.parse(files['docs/api/latchkey.postman_collection.json']!) as { item: Item[] };
  expect(folders[0]!.request!.url.raw).toBe('{{issuer}}/oidc/token');
  const requests = folders.flatMap(({ item = [] }) => item);
  expect(requests.map(({ name }) => name).toSorted()).toEqual([...mounted].toSorted());
  for (const { path, method, operation } of operationsOf(document)) {
    const { request } = requests.find(({ name }) => name === operation.operationId)!;
    expect(request).toMatchObject({
      method: method.toUpperCase(),
      url: { raw: `{{issuer}}${path.replaceAll(/\{(\w+)\}/g, ':$1')}` },
    });
    expect(request!.url.variable!.map(({ key }) => key)).toEqual(
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
    );
  }
});

describe('every operation', () => {
  /** Operations without a command, and the reason. */
  const withoutCommand: Readonly<Record<string, string>> = {
    'users.import': 'is called by `latchkey import` in many parts',
    'users.export': 'is called by `latchkey export` in many parts',
    'instance.check': 'is `latchkey doctor`, which also answers where no database opens',
    'users.sessions.end_all': 'is `latchkey session end --all`',
  };
  /** They act for the user of the token, and a command has none. */
  const isOfCaller = (name: string): boolean => name.startsWith('me.');

  test('is one of at least 150 at the API', () => {
    expect(mounted.length).toBeGreaterThanOrEqual(150);
  });

  test('has a command, or a reason to have none', () => {
    const missing = operations.filter(({ name, command }) => command === null && !isOfCaller(name));
    expect(missing.map(({ name }) => name).toSorted()).toEqual(Object.keys(withoutCommand).toSorted());
  });
});
