/**
 * The operator's own rules. They are read by a parser of CSS, refused with their line when they could load, leave the page or
 * lie over it, and written out again from what the parser understood, so that a browser cannot understand something else.
 */
import { type Atrule, type CssNode, type FunctionNode, generate, parse, walk } from 'css-tree';
import { stylesheetRefused } from './errors.ts';

export const LONGEST_STYLESHEET = 32 * 1024;

/** Conditions and nothing else: no rule that loads a file, names a font or changes how the sheet is read. */
const atRules = new Set(['media', 'supports', 'container', 'layer']);
const loading = /^(-\w+-)?(url|src|image|image-set|cross-fade|element|paint|expression)$/;
const properties = /^(behavior|-moz-binding|-ms-behavior|src)$/;
const overlaying = /^(fixed|sticky)$/;

/** The rules as they are served. Throws branding.stylesheet_refused. */
export function readStylesheet(text: string): string {
  if (Buffer.byteLength(text) > LONGEST_STYLESHEET)
    throw stylesheetRefused(`The stylesheet may have at most ${LONGEST_STYLESHEET / 1024} KB.`);
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
  switch (node.type) {
    case 'Atrule':
      return problemOfRule(node);
    case 'Function':
      return problemOfFunction(node);
    case 'Url':
      return 'loads a file with url(), which is not allowed';
    case 'Raw':
      return 'is no CSS that we understand';
    case 'Comment':
    case 'CDO':
    case 'CDC':
      return node.type === 'Comment' ? null : 'holds a comment of HTML';
    case 'Declaration': {
      const property = node.property.toLowerCase();
      if (properties.test(property)) return `uses ${property}, which is not allowed`;
      if (property === 'position' && overlaying.test(generate(node.value).trim().toLowerCase()))
        return 'takes an element out of its place (position: fixed or sticky), which is not allowed';
      return null;
    }
    default:
      return null;
  }
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
