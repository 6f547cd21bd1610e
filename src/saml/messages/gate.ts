import { MOST_ATTRIBUTES, ATTRIBUTES_OF_ELEMENT, MOST_DEPTH, MOST_ELEMENTS, MOST_METADATA_ELEMENTS } from './limits.ts';
import { RefusedMessage } from './refusal.ts';

/** Names of SAML are ASCII; values are not bound by this. */
const NAME = String.raw`[A-Za-z_][A-Za-z0-9_.-]*(?::[A-Za-z_][A-Za-z0-9_.-]*)?`;
const declaration =
  /^<\?xml[ \t\r\n]+version=(?:"1\.0"|'1\.0')(?:[ \t\r\n]+encoding=(?:"utf-?8"|'utf-?8'))?(?:[ \t\r\n]+standalone=(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>/i;
const endTag = new RegExp(String.raw`</(${NAME})[ \t\r\n]*>`, 'y');
const startTag = new RegExp(String.raw`<(${NAME})`, 'y');
const attribute = new RegExp(String.raw`[ \t\r\n]+(${NAME})[ \t\r\n]*=[ \t\r\n]*("[^"<]*"|'[^'<]*')`, 'y');
const tagEnd = /[ \t\r\n]*(\/?)>/y;
const blank = /^[ \t\r\n]*$/;
/** Everything but the characters of XML 1.0 §2.2. */
const noCharacter = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;
const LAST_CODE_POINT = 0x10_ff_ff;
const reference = /&(?:(?:amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/y;

/**
 * Reads the text once, in linear time, before an XML library does. Refuses everything that messages of SAML do not need and that parsers
 * read in different ways: document types, processing instructions, comments, CDATA sections, entities; more than one root; and sizes that
 * take a library long. Returns the text without the XML declaration.
 */
export function passGate(text: string): string {
  return passed(textAfterDeclaration(text), MOST_ELEMENTS);
}

/** The same for metadata: people write comments into them, which are taken out, and a product may describe many claims. */
export function passMetadataGate(text: string): string {
  return passed(withoutComments(textAfterDeclaration(text)), MOST_METADATA_ELEMENTS);
}

function textAfterDeclaration(text: string): string {
  return text.slice(declaration.exec(text)?.[0].length ?? 0);
}

function passed(text: string, mostElements: number): string {
  if (noCharacter.test(text)) throw new RefusedMessage('encoding');
  scan(text, mostElements);
  return text.trim();
}

function scan(text: string, mostElements: number): void {
  const open: string[] = [];
  let elements = 0;
  let attributes = 0;
  let at = 0;
  while (at < text.length) {
    const next = text.indexOf('<', at);
    const end = next === -1 ? text.length : next;
    if (open.length === 0) demand(blank.test(text.slice(at, end)));
    else passText(text.slice(at, end));
    if (next === -1) break;
    if (text[next + 1] === '/') {
      endTag.lastIndex = next;
      const [tag = '', name] = endTag.exec(text) ?? [];
      demand(name !== undefined && open.pop() === name);
      at = next + tag.length;
      continue;
    }
    refuseMarkup(text, next);
    elements += 1;
    if (elements > mostElements) throw new RefusedMessage('too_many_elements');
    // A document has one root.
    demand(open.length > 0 || elements === 1);
    const tag = passStartTag(text, next);
    attributes += tag.attributes;
    if (attributes > ATTRIBUTES_OF_ELEMENT * mostElements) throw new RefusedMessage('too_many_attributes');
    if (!tag.isEmpty) open.push(tag.name);
    if (open.length > MOST_DEPTH) throw new RefusedMessage('too_deep');
    at = tag.end;
  }
  demand(elements > 0 && open.length === 0);
}

function passStartTag(text: string, at: number): { name: string; attributes: number; isEmpty: boolean; end: number } {
  startTag.lastIndex = at;
  const [start = '', name = ''] = startTag.exec(text) ?? [];
  demand(name !== '');
  let end = at + start.length;
  const names = new Set<string>();
  for (;;) {
    attribute.lastIndex = end;
    const [whole = '', attributeName = '', quoted = ''] = attribute.exec(text) ?? [];
    if (whole === '') break;
    demand(!names.has(attributeName));
    names.add(attributeName);
    if (names.size > MOST_ATTRIBUTES) throw new RefusedMessage('too_many_attributes');
    passReferences(quoted);
    end += whole.length;
  }
  tagEnd.lastIndex = end;
  const close = tagEnd.exec(text);
  demand(close !== null);
  return { name, attributes: names.size, isEmpty: close[1] === '/', end: end + close[0].length };
}

function passText(text: string): void {
  passReferences(text);
  demand(!text.includes(']]>'));
}

function passReferences(text: string): void {
  for (let at = text.indexOf('&'); at !== -1; at = text.indexOf('&', at + 1)) {
    reference.lastIndex = at;
    const found = reference.exec(text);
    if (found === null) throw new RefusedMessage('entity');
    const [, decimal, hexadecimal] = found;
    const code = decimal === undefined ? Number.parseInt(hexadecimal ?? '20', 16) : Number(decimal);
    if (code > LAST_CODE_POINT || noCharacter.test(String.fromCodePoint(code))) throw new RefusedMessage('encoding');
  }
}

function refuseMarkup(text: string, at: number): void {
  if (text[at + 1] === '?') throw new RefusedMessage('processing_instruction');
  if (text[at + 1] !== '!') return;
  if (text.startsWith('<!--', at)) throw new RefusedMessage('comment');
  throw new RefusedMessage(text.startsWith('<![CDATA[', at) ? 'cdata' : 'doctype');
}

/** The canonical form of a signature has no comments either, so a signed document keeps its signature. */
function withoutComments(text: string): string {
  const kept: string[] = [];
  let at = 0;
  for (let start = text.indexOf('<!--'); start !== -1; start = text.indexOf('<!--', at)) {
    const end = text.indexOf('--', start + 4);
    demand(end !== -1 && text[end + 2] === '>');
    kept.push(text.slice(at, start));
    at = end + 3;
  }
  return kept.join('') + text.slice(at);
}

function demand(holds: boolean): asserts holds {
  if (!holds) throw new RefusedMessage('not_well_formed');
}
