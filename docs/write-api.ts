// Writes everything that is made from the document of the management API: npm run docs:api
// With --released it also keeps the document as the one of the last release, which later ones must not break.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { documentOf } from '../src/api/document.ts';
import { operationsPage } from './api-operations.ts';
import { collectionOf } from './api-collection.ts';
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

/** The document for types: each refusal is a problem with one of the codes. */
function typesDocument(document: ApiDocument): ApiDocument {
  const contract = contractOf(document);
  const schemas = (contract.components.schemas ??= {});
  const { Problem: problem } = schemas;
  if (!problem?.properties) throw new Error('the document has no schema of a problem');
  problem.properties['code'] = { $ref: '#/components/schemas/ProblemCode' };
  schemas['ProblemCode'] = { type: 'string', enum: Object.keys(document.components.examples ?? {}).toSorted() };
  const refusal = {
    description: 'A refusal',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  for (const { operation } of operationsOf(contract)) operation.responses['default'] = refusal;
  return contract;
}

/** The digest of what the types of the client are made from; client/api.d.ts begins with it. */
export const typesDigest = (document: ApiDocument): string =>
  createHash('sha256')
    .update(JSON.stringify(typesDocument(document)))
    .digest('base64url');

/** Writes client/api.d.ts. The generator needs another version of TypeScript than this project has, so npm runs it apart. */
function writeTypes(document: ApiDocument): void {
  const work = mkdtempSync(join(tmpdir(), 'latchkey-api-'));
  writeFileSync(join(work, 'openapi.json'), JSON.stringify(typesDocument(document)));
  const packages = ['--package=openapi-typescript@7.13.0', '--package=typescript@5.9.3'];
  const command = [
    'exec',
    '--yes',
    ...packages,
    '--',
    'openapi-typescript',
    'openapi.json',
    '-o',
    'api.d.ts',
    '--default-non-nullable=false',
  ];
  execFileSync('npm', command, { cwd: work, stdio: ['ignore', 'ignore', 'inherit'] });
  const types = readFileSync(join(work, 'api.d.ts'), 'utf8');
  const head = `// Made from the document of the management API (npm run docs:api). Digest: ${typesDigest(document)}\n`;
  writeFileSync(join(root, 'client/api.d.ts'), head + types);
  rmSync(work, { recursive: true });
}

/** The text of each file that is made from the document, by its path. */
export const apiFiles = (document: ApiDocument): Readonly<Record<string, string>> => ({
  'docs/api/operations.md': operationsPage(document),
  'docs/api/latchkey.postman_collection.json': `${JSON.stringify(collectionOf(document), null, 1)}\n`,
});

if (import.meta.main) {
  const document = managementDocument();
  for (const [path, text] of Object.entries(apiFiles(document))) writeFileSync(join(root, path), text);
  writeTypes(document);
  if (process.argv.includes('--released'))
    writeFileSync(join(folder, 'api/openapi.released.json'), `${JSON.stringify(contractOf(document), null, 1)}\n`);
}
