/**
 * The operator's own rules. They are read by a parser of CSS, refused with their line when they could load, leave the page or
 * lie over it, and written out again from what the parser understood, so that a browser cannot understand something else.
 */
import { type Atrule, type CssNode, type Declaration, type FunctionNode, generate, parse, walk } from 'css-tree';
import { stylesheetRefused } from './errors.ts';
import { LONGEST_STYLESHEET } from './limits.ts';

/** Conditions and nothing else: no rule that loads a file, names a font or changes how the sheet is read. */
const atRules = new Set(['media', 'supports', 'container', 'layer']);
const loading = /^(-\w+-)?(url|src|image|image-set|cross-fade|element|paint|expression)$/;
const properties = /^(behavior|-moz-binding|-ms-behavior|src)$/;
const inPlace = /^(static|relative|absolute)(!important)?$/;
/** Comments and strings, in which a backslash hides nothing. */
const quoted = /\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/g;

/** The rules as they are served. Throws branding.stylesheet_refused. */
export function readStylesheet(text: string): string {
  if (Buffer.byteLength(text) > LONGEST_STYLESHEET)
    throw stylesheetRefused(`The stylesheet may have at most ${LONGEST_STYLESHEET / 1024} KB.`);
  const hidden = text.replaceAll(quoted, (part) => part.replaceAll(/[^\n]/g, ' ')).indexOf('\\');
  if (hidden >= 0)
    refuse('hides a letter behind a backslash, which is not allowed', text.slice(0, hidden).split('\n').length);
  const sheet = parse(text, {
    positions: true,
    parseCustomProperty: true,
    onParseError: (error) => refuse(`is no CSS that we understand (${error.message})`, error.line),
  });
  walk(sheet, (node) => {
    const problem = problemOf(node);
    if (problem) refuse(problem, node.loc?.start.line);
  });
  return `${generate(sheet)}\n`;
}

function problemOf(node: CssNode): string | null {
  if (node.type === 'Atrule') return problemOfRule(node);
  if (node.type === 'Function') return problemOfFunction(node);
  if (node.type === 'Declaration') return problemOfDeclaration(node);
  if (node.type === 'Url') return 'loads a file with url(), which is not allowed';
  if (node.type === 'CDO' || node.type === 'CDC') return 'holds a comment of HTML';
  return node.type === 'Raw' ? 'is no CSS that we understand' : null;
}

function problemOfDeclaration({ property, value }: Declaration): string | null {
  const name = property.toLowerCase();
  if (properties.test(name)) return `uses ${name}, which is not allowed`;
  return name === 'position' && !inPlace.test(generate(value).trim().toLowerCase())
    ? 'takes an element out of its place (position other than static, relative, absolute), which is not allowed'
    : null;
}

function problemOfRule({ name }: Atrule): string | null {
  return atRules.has(name.toLowerCase()) ? null : `uses @${name}, which is not allowed`;
}

function problemOfFunction({ name }: FunctionNode): string | null {
  return loading.test(name.toLowerCase()) ? `loads a file with ${name}(), which is not allowed` : null;
}

function refuse(problem: string, line: number | undefined): never {
  throw stylesheetRefused(`Line ${line ?? '?'} ${problem}.`);
}
