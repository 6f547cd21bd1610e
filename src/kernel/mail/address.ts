import { domainToASCII } from 'node:url';

/** A user as a header names one. The two parts stay apart until the library writes them: joined text could hold two. */
export type MailAddress = { name: string; address: string };

/** RFC 5322 §3.2.3 dot-atom; quoted local parts, comments and what is not ASCII are refused. */
const localPart = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const domainLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * One bare address, its domain in lower-case A-labels (IDNA); null for anything else. Stricter than RFC 5321 on
 * purpose: every form that two parsers read differently has been used to send a mail to another recipient.
 */
export function readMailAddress(text: string): string | null {
  const at = text.lastIndexOf('@');
  // RFC 5321 §4.5.3.1: 64 octets before the @; 254 altogether (erratum 1690 of RFC 3696).
  if (at < 1 || at > 64 || text.length > 254 || !localPart.test(text.slice(0, at))) return null;
  // The converter is the one of URLs, which drops line breaks and whatever follows a slash: it sees letters alone.
  const typed = text.slice(at + 1);
  const domain = /^[\p{L}\p{M}\p{N}.-]+$/u.test(typed) ? domainToASCII(typed).toLowerCase() : '';
  const labels = domain.split('.');
  if ((labels.length < 2 && domain !== 'localhost') || domain.length > 253) return null;
  return labels.every((label) => domainLabel.test(label)) ? `${text.slice(0, at)}@${domain}` : null;
}

/**
 * Local parts that some mail server on the way reads as an instruction: UUCP paths and percent routes, encoded words, options
 * of a command line, files and programs (`/tmp/x`, `|sh`), expansions. RFC 5321 allows them, and no mailbox needs them.
 */
const relayed = /^[-/|]|[!%|`{}]|=\?|\?=/;
/** A host that is a number in one of its spellings, which the converter of URLs has made `127.0.0.1`. */
const numericHost = /(^|\.)\d+$/;

/** An address that enters: as above, and nothing that a relay could read otherwise. Those that are stored stay readable. */
export function readNewMailAddress(text: string): string | null {
  const address = readMailAddress(text);
  if (address === null || address.length > 254) return null;
  const at = address.lastIndexOf('@');
  return relayed.test(address.slice(0, at)) || numericHost.test(address.slice(at + 1)) ? null : address;
}

/** `Name <address>` or a bare address, as an operator writes a sender; null when it is neither. */
export function readSender(text: string): MailAddress | null {
  const [, name = '', bracketed] = /^([^<>]*)<([^<>]*)>\s*$/.exec(text) ?? [];
  const address = readNewMailAddress((bracketed ?? text).trim());
  return address === null ? null : { name: headerText(name, 128), address };
}

/** Enough for its owner to recognize it, too little for others: `n•••@fernway.example`. */
export function maskMailAddress(address: string): string {
  const [first = ''] = address;
  return `${first}•••${address.slice(Math.max(0, address.lastIndexOf('@')))}`;
}

/** Text for one line of a header: no control characters, no marks that change the reading direction, a bounded length. */
export function headerText(text: string, longest: number): string {
  const line = text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');
  return Array.from(line.trim()).slice(0, longest).join('');
}
