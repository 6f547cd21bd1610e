import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { SECOND } from './clock.ts';

/** The texts at a name of the DNS; `none`: there is no such record; `failed`: the servers gave no answer. */
export type TxtAnswer =
  | { kind: 'found'; texts: readonly string[] }
  | { kind: 'none' }
  | { kind: 'failed'; reason: string };

/** Looks up the TXT records of a name. Never rejects, and always ends in time. */
export type FindTxt = (name: string) => Promise<TxtAnswer>;

/** Of one request to one server; a server that is near answers in milliseconds, one behind others in a second. */
const REQUEST_TIMEOUT = 2 * SECOND;
const TRIES = 2;
/** Of the whole look-up, over all servers. */
const LONGEST_LOOKUP = 6 * SECOND;
/** There is no record, or no such name (RFC 1035 §4.1.1). */
const noRecord: ReadonlySet<string> = new Set(['ENODATA', 'ENOTFOUND']);

/** Whether Node's resolver takes it: an address, with a port after it (IPv6 in brackets then). */
export function isDnsServer(text: string): boolean {
  const [, inBrackets, plain] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(text) ?? [];
  return isIP(inBrackets ?? plain ?? text) !== 0;
}

/** Creates the look-up of TXT records, by the servers of the system or the configured ones. */
export function createTxtRecords(dnsServers: readonly string[]): FindTxt {
  return async (name) => {
    const resolver = new Resolver({ timeout: REQUEST_TIMEOUT, tries: TRIES });
    if (dnsServers.length > 0) resolver.setServers(dnsServers);
    const timer = setTimeout(() => resolver.cancel(), LONGEST_LOOKUP);
    try {
      const records = await resolver.resolveTxt(name);
      // A text of more than 255 bytes comes in pieces (RFC 1035 §3.3.14).
      return { kind: 'found', texts: records.map((pieces) => pieces.join('')) };
    } catch (error) {
      const { code = 'unknown' } = error as { code?: string };
      return noRecord.has(code) ? { kind: 'none' } : { kind: 'failed', reason: code };
    } finally {
      clearTimeout(timer);
    }
  };
}
