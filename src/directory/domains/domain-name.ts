import { domainToASCII } from 'node:url';
import providers from 'email-providers/all.json' with { type: 'json' };
import { parse } from 'tldts';

/** Providers of mailboxes for everyone that the list lacks. */
const furtherProviders = [
  'fastmail.com',
  'fastmail.fm',
  'hotmail.no',
  'mailbox.org',
  'posteo.de',
  'tuta.com',
  'tuta.io',
];
const freeMail: ReadonlySet<string> = new Set([...providers, ...furtherProviders]);

/** RFC 1035 §2.3.4, for the name of the challenge, which is in front of the domain. */
const DOMAIN_CHARACTERS = 253 - '_latchkey-challenge.'.length;
const characters = /^[\p{L}\p{M}\p{N}.-]+$/u;
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

type DomainReading =
  | { kind: 'domain'; domain: string }
  /** `public_suffix`: others register names below it. `free_mail`: anyone gets an address there. */
  | { kind: 'invalid' | 'public_suffix' | 'free_mail' };

/** Reads a domain that an organization claims: lower-case A-labels (IDNA), as canonical email addresses have them. */
export function readDomain(typed: string): DomainReading {
  const text = typed.trim().replace(/\.$/, '');
  // Of a text with other characters the conversion would read the host of a URL.
  const domain = characters.test(text) ? domainToASCII(text) : '';
  const { isIp, publicSuffix, domain: registered } = parse(domain, { allowPrivateDomains: true });
  const labels = domain.split('.');
  if (domain === '' || domain.length > DOMAIN_CHARACTERS || isIp === true || !labels.every((text) => label.test(text)))
    return { kind: 'invalid' };
  if (labels.length < 2 && publicSuffix !== domain) return { kind: 'invalid' };
  if (registered === null) return { kind: 'public_suffix' };
  return freeMail.has(domain) || freeMail.has(registered) ? { kind: 'free_mail' } : { kind: 'domain', domain };
}

/** The domain of a canonical email address. */
export const domainOf = (email: string): string => email.slice(email.lastIndexOf('@') + 1);
