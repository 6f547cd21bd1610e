// Writes everything that is made from the document of the management API: npm run docs:api
// With --released it also keeps the document as the one of the last release, which later ones must not break.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentOf } from '../src/api/document.ts';
import { type ApiDocument, operationsOf } from '../src/api/document-form.ts';
import { mountedOperations } from '../src/api/mounted-operation.ts';
import { mounted } from '../src/app/api.ts';
import { operations } from '../src/app/operations.ts';

const folder = import.meta.dirname;
const root = join(folder, '..');

/** The document as an instance at https://id.example.com gives it. */
export function managementDocument(): ApiDocument {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const bound = operations.map((operation) => ({ operation, call: async () => undefined }));
  return documentOf({ issuer: 'https://id.example.com', version, mounted: mountedOperations(bound, mounted) });
}

/** The contract with programs: the document without examples and refusals. */
function contractOf(document: ApiDocument): ApiDocument {
  const { examples: _examples, responses: _refusals, ...components } = document.components;
  const contract = structuredClone({ ...document, components });
  for (const { operation } of operationsOf(contract)) {
    for (const parameter of operation.parameters ?? []) delete parameter.example;
    for (const content of Object.values(operation.requestBody?.content ?? {})) delete content.example;
    operation.responses = Object.fromEntries(
      Object.entries(operation.responses).filter(([status]) => Number(status) < 300),
    );
    for (const { content = {} } of Object.values(operation.responses))
      for (const answer of Object.values(content)) delete answer.example;
  }
  return contract;
}

/** The text of each file that is made from the document, by its path. */
export function apiFiles(_document: ApiDocument): Readonly<Record<string, string>> {
  return {};
}

if (import.meta.main) {
  const document = managementDocument();
  for (const [path, text] of Object.entries(apiFiles(document))) writeFileSync(join(root, path), text);
  if (process.argv.includes('--released'))
    writeFileSync(join(folder, 'api/openapi.released.json'), `${JSON.stringify(contractOf(document), null, 1)}\n`);
}
