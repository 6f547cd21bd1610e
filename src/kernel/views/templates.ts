/** The template engine: compiled once, strict about what is missing. Everything that is rendered goes through here. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runInThisContext } from 'node:vm';
import nunjucks from 'nunjucks';

type Templates = { render(name: string, context: object): string };

/** Text that is markup already, made by a macro or by us: the engine leaves it as it is. */
export const Markup = nunjucks.runtime.SafeString;
export type Markup = InstanceType<typeof Markup>;

const viewsFolder = fileURLToPath(new URL('../../../views/', import.meta.url));

/** Subjects and texts of letters are no HTML: nothing in them is escaped. */
const plainText = /\.(subject|text)\.njk$/;

/** Attributes that hold an address, with the slash of a path or the expression with which their value begins. */
const ADDRESS = /(\s(?:href|src|srcset|action|formaction|data-[a-z-]*url)=")(?:(?=\/)|\{\{-?\s*(.+?)\s*-?\}\})/g;

const engine = { throwOnUndefined: true, trimBlocks: true, lstripBlocks: true };
const compiler = new nunjucks.Environment([], engine);

/** Compiled templates by name. They do not change while a process runs, and know nothing of the environment that renders them. */
const compiled = new Map<string, object>();

/** Pages are below the path of the issuer. Templates and their contexts do not know it: it is put in where an address is written. */
class PageLoader extends nunjucks.FileSystemLoader {
  override getSource(name: string): nunjucks.LoaderSource {
    const code = compiled.get(name) ?? compile(super.getSource(name));
    compiled.set(name, code);
    // The engine also takes a template that is compiled already; its types know text alone.
    return { src: { type: 'code', obj: code } as unknown as string, path: `${viewsFolder}${name}`, noCache: false };
  }
}

function compile({ src, path }: nunjucks.LoaderSource): object {
  const addressed = src.replaceAll(ADDRESS, (_, attribute: string, value?: string) =>
    value === undefined ? `${attribute}{{ basePath }}` : `${attribute}{{ belowIssuer(${value}) }}`,
  );
  const wrapper = (templates: unknown): string => (templates as [{ template: string }])[0].template;
  const code = nunjucks.precompileString(addressed, { name: path, env: compiler, wrapper });
  return runInThisContext(`(() => {${code}})()`, { filename: path }) as object;
}

let names: readonly string[] | undefined;
/** Of all templates, with the path below `views/`. */
const templateNames = (): readonly string[] =>
  (names ??= readdirSync(viewsFolder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.njk'))
    .map((name) => name.replaceAll('\\', '/')));

/**
 * Compiles every template of its kind at once: a broken one stops the start, and nothing is read or compiled while serving.
 * Where a template of a page writes a path into an attribute that holds an address, `basePath` comes before it.
 */
export function compileTemplates(
  kind: 'html' | 'plain',
  globals: Readonly<Record<string, unknown>>,
  basePath = '',
): Templates {
  const environment = new nunjucks.Environment(new PageLoader(viewsFolder), {
    ...engine,
    autoescape: kind === 'html',
  });
  const belowIssuer = (address: unknown): unknown => (String(address).startsWith('/') ? `${basePath}${String(address)}` : address);
  for (const [name, value] of Object.entries({ ...globals, basePath, belowIssuer })) environment.addGlobal(name, value);
  for (const name of templateNames())
    if (plainText.test(name) === (kind === 'plain')) environment.getTemplate(name, true);
  return { render: (name, context) => environment.render(name, context) };
}

/** The context, refusing every name that it does not have. */
export function strict<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => strict<unknown>(item)) as T;
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const members = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, strict<unknown>(member)]));
  return new Proxy(members, {
    get(target, name) {
      if (typeof name === 'string' && !(name in target)) throw new Error(`the page has no "${name}"`);
      return Reflect.get(target, name);
    },
  }) as T;
}
