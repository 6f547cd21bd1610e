import { inflateRawSync } from 'node:zlib';
import { isSignatureAlgorithm, isSignatureOf } from './algorithms.ts';
import { verificationKeys } from './certificate.ts';
import { passGate } from './gate.ts';
import { MESSAGE_BYTES, RELAY_STATE_BYTES } from './limits.ts';
import type { Received } from './message.ts';
import { RefusedMessage } from './refusal.ts';

export type MessageParameter = 'SAMLRequest' | 'SAMLResponse';

/** A message as text that passed the gate, with the signature of its query if it came by a redirect. */
export type Opened = Readonly<{
  text: string;
  binding: Received['binding'];
  querySignature: QuerySignature | null;
  relayState: string | null;
}>;

type QuerySignature = Readonly<{ octets: string; algorithm: string; signature: Buffer }>;

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** Four characters of base64 hold three bytes; some products break lines. */
const ENCODED_LENGTH = Math.ceil(MESSAGE_BYTES / 3) * 4 * 1.05;

/** Takes a message out of its binding. No XML library is involved. */
export function open(received: Received, parameter: MessageParameter): Opened {
  switch (received.binding) {
    case 'post':
      return { ...opened(fromBase64(received.value)), binding: 'post' };
    case 'soap':
      return { ...opened(Buffer.from(received.body)), binding: 'soap' };
    case 'redirect':
      return openQuery(received.query, parameter);
  }
}

/** Whether one of the certificates signed the query (SAML Bindings §3.4.4.1): the octets as they arrived, in the order of the specification. */
export function verifyQuery({ octets, algorithm, signature }: QuerySignature, certificates: readonly string[]): void {
  if (!isSignatureAlgorithm(algorithm)) throw new RefusedMessage('signature_algorithm');
  const bytes = Buffer.from(octets);
  if (!verificationKeys(certificates).some((key) => isSignatureOf(bytes, algorithm, key, signature)))
    throw new RefusedMessage('signature_wrong');
}

function opened(bytes: Buffer): Pick<Opened, 'text' | 'querySignature' | 'relayState'> {
  return { text: passGate(textOf(bytes)), querySignature: null, relayState: null };
}

function openQuery(query: string, parameter: MessageParameter): Opened {
  const raw = rawParameters(query);
  const message = raw.get(parameter);
  const other = parameter === 'SAMLRequest' ? 'SAMLResponse' : 'SAMLRequest';
  const encoding = raw.get('SAMLEncoding');
  if (message === undefined || raw.has(other) || (encoding && !decoded(encoding).endsWith(':DEFLATE')))
    throw new RefusedMessage('parameters');
  const relayState = raw.get('RelayState');
  return {
    text: passGate(textOf(inflate(fromBase64(decoded(message))))),
    binding: 'redirect',
    relayState: relayState === undefined ? null : decoded(relayState),
    querySignature: querySignature(raw, parameter),
  };
}

function querySignature(raw: ReadonlyMap<string, string>, parameter: MessageParameter): QuerySignature | null {
  const [algorithm, signature] = [raw.get('SigAlg'), raw.get('Signature')];
  if (algorithm === undefined && signature === undefined) return null;
  if (algorithm === undefined || signature === undefined) throw new RefusedMessage('signature_form');
  const octets = [parameter, 'RelayState', 'SigAlg']
    .filter((name) => raw.has(name))
    .map((name) => `${name}=${raw.get(name)}`)
    .join('&');
  return { octets, algorithm: decoded(algorithm), signature: fromBase64(decoded(signature)) };
}

/** The parameters as they stand in the query. One that is there twice is refused: readers would differ. */
function rawParameters(query: string): Map<string, string> {
  if (query.length > ENCODED_LENGTH + RELAY_STATE_BYTES) throw new RefusedMessage('too_large');
  const raw = new Map<string, string>();
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    const [name, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    if (raw.has(name)) throw new RefusedMessage('parameters');
    raw.set(name, value);
  }
  return raw;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    throw new RefusedMessage('encoding');
  }
}

function fromBase64(value: string): Buffer {
  if (value.length > ENCODED_LENGTH) throw new RefusedMessage('too_large');
  const compact = value.replaceAll(/[\r\n\t ]/g, '');
  if (compact === '' || compact.length % 4 === 1 || !base64.test(compact)) throw new RefusedMessage('encoding');
  return Buffer.from(compact, 'base64');
}

function inflate(bytes: Buffer): Buffer {
  try {
    return inflateRawSync(bytes, { maxOutputLength: MESSAGE_BYTES });
  } catch (error) {
    const isTooLarge = error instanceof RangeError;
    throw new RefusedMessage(isTooLarge ? 'too_large' : 'encoding');
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function textOf(bytes: Buffer): string {
  if (bytes.length > MESSAGE_BYTES) throw new RefusedMessage('too_large');
  try {
    return utf8.decode(bytes);
  } catch {
    throw new RefusedMessage('encoding');
  }
}
