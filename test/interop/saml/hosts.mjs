// Names below .localhost lead to this machine, as browsers have it (RFC 6761 §6.3) and the C library may not. Loaded before a
// program of Node starts, in place of a line in the hosts file.
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';

const here = (host) => (/(^|\.)localhost$/.test(host) ? '127.0.0.1' : host);
const { lookup } = dns;
const { lookup: promised } = dns.promises;

dns.lookup = (host, ...rest) => lookup(here(host), ...rest);
dns.promises.lookup = (host, ...rest) => promised(here(host), ...rest);
syncBuiltinESMExports();
