/** The document that is made of the operations, without an application. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { describe, expect, test } from 'vitest';
import { type JsonSchema, operationsOf, resolved } from '#api/document-form.ts';
import { undescribedTags } from '#api/document-tags.ts';
import { managementDocument } from '../../docs/write-api.ts';
import { mounted } from '../../src/app/api.ts';
import { operations } from '../../src/app/operations.ts';

const document = managementDocument();
const all = operationsOf(document);
const jsonOf = (content: Record<string, { schema: JsonSchema; example?: unknown }> | undefined) =>
  content?.['application/json'];
const answerOf = ({ operation: { responses } }: (typeof all)[number]) =>
  jsonOf((responses['200'] ?? responses['201'])?.content);

test('has a summary, a description and a tag with a sentence for each operation', () => {
  expect(all.map(({ operation }) => operation.operationId).toSorted()).toEqual([...mounted].toSorted());
  const tags = new Map(document.tags.map(({ name, description }) => [name, description]));
  for (const { operation } of all) {
    expect(operation.summary, operation.operationId).toMatch(/^[A-Z].*\.$/);
    expect(operation.description, operation.operationId).toContain(operation.summary);
    expect(tags.get(operation.tags[0]!), operation.tags[0]).toMatch(/^[A-Z].*\.$/);
  }
  expect(undescribedTags(mounted)).toEqual([]);
});

describe('examples', () => {
  const ajv = new Ajv2020({ strict: false, formats: fullFormats, allErrors: true });
  ajv.addSchema({ $id: 'document', components: document.components });
  const problemsOf = (schema: JsonSchema, value: unknown): unknown => {
    const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')) as object;
    return ajv.validate(absolute, value) ? [] : ajv.errors;
  };

  test('stand at each parameter of a path, each body and each answer, and their schemas take them', () => {
    for (const { operation, ...place } of all) {
      const name = operation.operationId;
      for (const { in: where, schema, example } of operation.parameters ?? [])
        if (where === 'path') expect(problemsOf(schema, example), name).toEqual([]);
      const body = jsonOf(operation.requestBody?.content);
      if (body) expect([body.example, problemsOf(body.schema, body.example)], name).toEqual([expect.any(Object), []]);
      const answer = answerOf({ operation, ...place })!;
      expect(answer.example, name).toEqual(expect.any(Object));
      expect(problemsOf(answer.schema, answer.example), name).toEqual([]);
    }
  });

  test('are taken by the operations themselves', () => {
    const declared = new Map(operations.map((operation) => [operation.name, operation]));
    for (const place of all) {
      const { operation } = place;
      const { input, output, params } = declared.get(operation.operationId)!;
      const ids = (operation.parameters ?? []).filter(({ in: where }) => where === 'path');
      expect(
        [
          params.safeParse(Object.fromEntries(ids.map(({ name, example }) => [name, example]))),
          input.safeParse(jsonOf(operation.requestBody?.content)?.example ?? {}),
          output.safeParse(answerOf(place)!.example),
        ].map(({ error }) => error?.issues),
        operation.operationId,
      ).toEqual([undefined, undefined, undefined]);
    }
  });

  test('of errors hold status and code, and name every refusal', () => {
    const expected = ['api.invalid_token', 'api.insufficient_scope', 'api.too_many_calls', 'input.invalid'];
    for (const { operation } of all) {
      const found = Object.entries(operation.responses).flatMap(([status, response]) =>
        Object.entries(resolved(document, response).content?.['application/problem+json']?.examples ?? {}).map(
          ([code, example]) => ({ status: Number(status), code, value: resolved(document, example).value }),
        ),
      );
      const declared = operations.find(({ name }) => name === operation.operationId)!.errors;
      expect(found.map(({ code }) => code)).toEqual(
        expect.arrayContaining([...expected, ...declared.map(({ code }) => code)]),
      );
      for (const { status, code, value } of found)
        expect(value).toMatchObject({ status, code, type: `urn:latchkey:problem:${code}` });
      const done = operation.operationId.endsWith('.create') ? '201' : '200';
      expect(Object.keys(operation.responses)).toEqual(
        expect.arrayContaining([done, '401', '403', '422', '429', '500', '503']),
      );
    }
  });
});

test('names the objects of answers, so that clients get types with names', () => {
  const { schemas = {} } = document.components;
  expect(Object.keys(schemas)).toEqual(
    expect.arrayContaining(['Problem', 'User', 'Client', 'ClientList', 'Organization', 'OrganizationMember']),
  );
  for (const place of all)
    if (resolved(document, answerOf(place)!.schema).properties)
      expect(answerOf(place)!.schema.$ref, place.operation.operationId).toMatch(/^#\/components\/schemas\/[A-Z]\w+$/);
});
