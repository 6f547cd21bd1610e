/** Every address of the product on one page, with the slice that answers it: what is read in `__snapshots__/site-map.txt`. */
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseSync } from 'oxc-parser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMounts } from '#kernel/http/mounts.ts';
import { siteMap } from '../src/app/site-map.ts';
import { startTestApp, type TestApp } from './support/app.ts';

const src = resolve(import.meta.dirname, '../src');
let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp({ embedded: true });
});
afterAll(() => latchkey.close());

type Declared = { file: string; method: string; path: RegExp; handler: string };

/** Each `router.get(path, handler)` of the source; what a path takes from elsewhere may be anything. */
const declared: readonly Declared[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => {
    const text = readFileSync(join(src, file), 'utf8');
    if (!/\bnew (Step)?Router\b/.test(text)) return [];
    const constants = new Map(
      [...text.matchAll(/^const (\w+) = (['`][^'`]*['`]);$/gm)].map(([, name, value]) => [name!, value!]),
    );
    const calls = /\brout\w+\.(get|post|put|patch|delete|page)\(\s*([\s\S]*?),\s*(\w+),?\s*\)/g;
    return [...text.matchAll(calls)].flatMap(([, verb, paths, handler]) =>
      pathsOf(file, paths!).map((path) => ({
        file,
        method: verb === 'page' ? 'GET' : verb!.toUpperCase(),
        path: new RegExp(`^${verb === 'page' ? '/interaction/:uid/' : ''}${patternOf(path, constants)}$`),
        handler: handler!,
      })),
    );
  });

/** The sources of the paths of one call: one, or the members of an array. */
function pathsOf(file: string, source: string): string[] {
  const { program } = parseSync(file, `(${source})`);
  const [statement] = program.body;
  if (statement?.type !== 'ExpressionStatement') return [];
  const expression =
    statement.expression.type === 'ParenthesizedExpression' ? statement.expression.expression : statement.expression;
  const nodes = expression.type === 'ArrayExpression' ? expression.elements : [expression];
  return nodes.flatMap((node) => (node === null ? [] : [`(${source})`.slice(node.start, node.end)]));
}

function patternOf(source: string, constants: ReadonlyMap<string, string>): string {
  const known = constants.get(source) ?? source;
  if (!/^['`]/.test(known)) return '.+';
  return known
    .slice(1, -1)
    .split(/(\$\{[^}]*\})/)
    .map((part, at) => {
      const [, name = ''] = /^\$\{(\w+)\}$/.exec(part) ?? [];
      if (constants.has(name)) return patternOf(name, constants);
      return part.startsWith('${')
        ? at === 1 && known.startsWith('`$')
          ? '.+'
          : '[^/]+'
        : part.replaceAll(/[.*+?^$()[\]{}|\\]/g, String.raw`\$&`);
    })
    .join('');
}

function fileOf(method: string, path: string, handler: string): string[] {
  const found = declared.filter((each) => each.method === method && each.handler === handler && each.path.test(path));
  // Of a path that is spelled out and one that is put together, the former is meant.
  const least = Math.min(...found.map(({ path: { source } }) => vagueness(source)));
  return [...new Set(found.filter(({ path: { source } }) => vagueness(source) === least).map(({ file }) => file))];
}

test('every route is declared in one slice, inside a mount that admits its method', () => {
  const mounts = createMounts(siteMap({ embedded: true }));
  const wrong = latchkey.app.routes.flatMap(({ methods, path, handler }) =>
    methods.flatMap((method) => {
      const files = fileOf(method, path, handler);
      const isAdmitted = mounts.find(path.replaceAll(/:\w+/g, 'x'))?.methods.includes(method);
      return files.length === 1 && isAdmitted ? [] : [`${method} ${path} ${handler} ${files.join(' ')}`];
    }),
  );
  expect(wrong).toEqual([]);
});

test('every mount has a route, or is answered by the engine, the public files or the brand', () => {
  const mounts = createMounts(siteMap({ embedded: true }));
  const used = new Set(latchkey.app.routes.map(({ path }) => mounts.find(path.replaceAll(/:\w+/g, 'x'))?.path));
  const without = mounts.all.filter(({ path, delegated, constant }) => !used.has(path) && !delegated && !constant);
  expect(without.map(({ path }) => path).toSorted()).toEqual([
    '/apple-touch-icon.png',
    '/assets/*',
    '/favicon.ico',
    '/robots.txt',
  ]);
});

test('reads as it is printed', async () => {
  const routes = latchkey.app.routes.flatMap(({ methods, path, handler }) =>
    methods.map((method) => ({ method, path, slice: sliceOf(fileOf(method, path, handler)[0] ?? '') })),
  );
  const engine = siteMap({ embedded: true })
    .filter(({ delegated, constant }) => delegated || constant)
    .map(({ methods, path }) => ({ method: methods.join(','), path, slice: 'oidc' }));
  const lines = [...routes, ...engine]
    .toSorted((a, b) => compare(`${a.path} ${a.method}`, `${b.path} ${b.method}`))
    .map(({ method, path, slice }) => `${method.padEnd(18)} ${path.padEnd(60)} ${slice}`);
  await expect(`${[...new Set(lines)].join('\n')}\n`).toMatchFileSnapshot('__snapshots__/site-map.txt');
});

const sliceOf = (file: string): string => file.slice(0, file.lastIndexOf('/'));
const vagueness = (source: string): number => (source.includes('.+') ? 2 : Number(source.includes('[^/]+')));
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
