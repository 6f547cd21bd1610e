import { DOMParser, XMLSerializer } from '@xmldom/xmldom';
import { RefusedMessage } from './refusal.ts';

const ELEMENT_NODE = 1;
/** XML Schema Part 2 §3.2.7, in UTC as SAML Core §1.3.3 demands; an offset is understood. */
const dateTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,12})?(Z|[+-]\d{2}:\d{2})?$/;

const refuse = (): never => {
  throw new RefusedMessage('not_well_formed');
};
const parser = new DOMParser({ locator: {}, errorHandler: { warning: refuse, error: refuse, fatalError: refuse } });

/** The root of a text that passed the gate. Warnings of the parser are errors. */
export function parseXml(text: string): Element {
  return parser.parseFromString(text, 'text/xml').documentElement ?? refuse();
}

/**
 * A text that stood in the place of an element, as a document of its own: some products encrypt an assertion whose prefixes are declared
 * around it (XML Encryption §4.4).
 */
export function withOuterPrefixes(text: string, place: Element): string {
  const isUnbound = ({ prefix, namespaceURI }: Element): boolean => Boolean(prefix) && !namespaceURI;
  if (!allElements(parseXml(text)).some(isUnbound)) return text;
  const outer = new XMLSerializer().serializeToString(withDeclarationsAround(place));
  const [inner] = elementsIn(parseXml(outer.replace(/\/?>$/, () => `>${text}</outer>`)));
  return inner ? serialize(inner) : text;
}

/** An element with the declarations of all prefixes that are known in the place. */
function withDeclarationsAround(place: Element): Element {
  const outer = parseXml('<outer/>');
  for (let at: Node | null = place; at?.nodeType === ELEMENT_NODE; at = at.parentNode)
    for (const { prefix, localName, value } of Array.from((at as Element).attributes))
      if (prefix === 'xmlns' && !outer.hasAttribute(`xmlns:${localName}`))
        outer.setAttribute(`xmlns:${localName}`, value);
  return outer;
}

/** The element as a document of its own. A line end that was written as a reference stays one. */
export function serialize(element: Element): string {
  return new XMLSerializer().serializeToString(element).replaceAll('\r', '&#xD;');
}

/** Whether the element has this name in this namespace. A name alone says nothing. */
export function isNamed(element: Element, namespace: string, name: string): boolean {
  return element.namespaceURI === namespace && element.localName === name;
}

/** The elements directly in the element. */
export function elementsIn(element: Element): Element[] {
  const found: Element[] = [];
  for (let node = element.firstChild; node; node = node.nextSibling)
    if (node.nodeType === ELEMENT_NODE) found.push(node as Element);
  return found;
}

/** The element and all elements in it, in the order of the document. */
export function allElements(element: Element): Element[] {
  const found: Element[] = [];
  const waiting = [element];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    found.push(next);
    waiting.push(...elementsIn(next).toReversed());
  }
  return found;
}

/** The children of this name. */
export function children(element: Element, namespace: string, name: string): Element[] {
  return elementsIn(element).filter((child) => isNamed(child, namespace, name));
}

/** The only child of this name, or null. Two are refused. */
export function child(element: Element, namespace: string, name: string): Element | null {
  const [first = null, ...others] = children(element, namespace, name);
  if (others.length > 0) throw new RefusedMessage('malformed');
  return first;
}

/** The text of an element that has text alone. */
export function textOf(element: Element): string {
  if (elementsIn(element).length > 0) throw new RefusedMessage('malformed');
  return element.textContent ?? '';
}

/** The text of the only child of this name, without the white space around it; null if there is none or if it is empty. */
export function childText(element: Element, namespace: string, name: string): string | null {
  const found = child(element, namespace, name);
  return found === null ? null : textOf(found).trim() || null;
}

/** An attribute without a namespace; null where it is missing or empty. */
export function attributeOf(element: Element, name: string): string | null {
  return element.getAttributeNS(null, name)?.trim() || null;
}

/** An attribute that must exist. */
export function requiredAttribute(element: Element, name: string): string {
  const value = attributeOf(element, name);
  if (value === null) throw new RefusedMessage('malformed');
  return value;
}

/** An attribute of type xs:boolean. */
export function booleanAttribute(element: Element, name: string): boolean {
  const value = attributeOf(element, name);
  if (value !== null && !['true', 'false', '1', '0'].includes(value)) throw new RefusedMessage('malformed');
  return value === 'true' || value === '1';
}

/** An attribute of type xs:unsignedShort. */
export function indexAttribute(element: Element, name: string): number | null {
  const value = attributeOf(element, name);
  if (value !== null && !/^\d{1,5}$/.test(value)) throw new RefusedMessage('malformed');
  return value === null ? null : Number(value);
}

/** An attribute of type xs:dateTime. A time that cannot be read is refused, and not taken for a missing one. */
export function timeAttribute(element: Element, name: string): Date | null {
  const value = attributeOf(element, name);
  if (value === null) return null;
  const [, , zone] = dateTime.exec(value) ?? [];
  const time = new Date(zone === undefined ? `${value}Z` : value);
  if (!dateTime.test(value) || Number.isNaN(time.getTime())) throw new RefusedMessage('malformed');
  return time;
}

/** A time that must exist. */
export function requiredTime(element: Element, name: string): Date {
  const time = timeAttribute(element, name);
  if (time === null) throw new RefusedMessage('malformed');
  return time;
}
