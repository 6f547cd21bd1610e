import { randomBytes } from 'node:crypto';
import { DOMImplementation, XMLSerializer } from '@xmldom/xmldom';
import { namespaces } from './names.ts';

/** A name with its prefix, attributes, and what is inside: elements and texts. Attributes without a value are left out. */
export type Part = Readonly<{
  name: `${keyof typeof prefixes}:${string}`;
  attributes: Readonly<Record<string, string | number | boolean | Date | null | undefined>>;
  content: readonly (Part | string)[];
}>;

const prefixes = {
  saml: namespaces.assertion,
  samlp: namespaces.protocol,
  md: namespaces.metadata,
  ds: namespaces.signature,
} as const;

/** XML 1.0 cannot hold these, in any spelling (§2.2). */
const noCharacters = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

/** An element to be written. */
export function part(
  name: Part['name'],
  attributes: Part['attributes'] = {},
  ...content: readonly (Part | string | null | undefined | false)[]
): Part {
  return { name, attributes, content: content.filter((each) => each !== null && each !== undefined && each !== false) };
}

/** An element with a text alone, or nothing where there is no text. */
export function textPart(name: Part['name'], text: string | null | undefined): Part | null {
  return text === null || text === undefined ? null : part(name, {}, text);
}

/** The XML of the element. All texts become text nodes and attribute values of a document, so none can become an element. */
export function write(root: Part): string {
  const namespace = namespaceOf(root);
  const document = new DOMImplementation().createDocument(namespace, root.name, null);
  fill(document, document.documentElement, root);
  return new XMLSerializer().serializeToString(document).replaceAll('\r', '&#xD;');
}

/** SAML Core §1.3.4: at least 128 random bits. An xs:ID begins with no digit. */
export function messageId(): string {
  return `_${randomBytes(20).toString('hex')}`;
}

function fill(document: Document, element: Element, { attributes, content }: Part): void {
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== undefined) element.setAttribute(name, clean(writtenValue(value)));
  for (const each of content) {
    if (typeof each === 'string') {
      element.appendChild(document.createTextNode(clean(each)));
      continue;
    }
    const inner = document.createElementNS(namespaceOf(each), each.name);
    fill(document, inner, each);
    element.appendChild(inner);
  }
}

function namespaceOf({ name }: Part): string {
  return prefixes[name.slice(0, name.indexOf(':')) as keyof typeof prefixes];
}

function writtenValue(value: string | number | boolean | Date): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

function clean(text: string): string {
  return text.replaceAll(noCharacters, '');
}
