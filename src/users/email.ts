import { domainToASCII } from 'node:url';

/** RFC 5322 dot-atom characters; quoted local parts, comments and non-ASCII local parts are refused. */
const localPart = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The form in which addresses are compared: the local part in lower case (ASCII only, so that no Unicode folding can
 * make two people one), the domain as lower-case A-labels (IDNA). No dot or plus folding. Null when it is no address.
 */
export function canonicalEmail(typed: string): string | null {
  const address = typed.trim();
  const at = address.lastIndexOf('@');
  if (at < 1 || address.length > 254 || /[\u0000-\u0020\u007f]/.test(address)) return null;
  const local = address.slice(0, at);
  const domain = domainToASCII(address.slice(at + 1)).toLowerCase();
  if (local.length > 64 || !localPart.test(local)) return null;
  const labels = domain.split('.');
  if (labels.length < 2 && domain !== 'localhost') return null;
  if (!labels.every((part) => label.test(part))) return null;
  return `${local.toLowerCase()}@${domain}`;
}
