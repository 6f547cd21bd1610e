import { deflateRawSync } from 'node:zlib';
import { rsaSha256, signBytes } from './algorithms.ts';
import type { KeyPair } from './message.ts';
import type { MessageParameter } from './received.ts';
import { privateKeyOf } from './signing.ts';

type Sent = Readonly<{ parameter: MessageParameter; xml: string; relayState: string | null }>;

/** The URL of the redirect binding (SAML Bindings §3.4.4), signed with the key if there is one. The message has no signature itself. */
export async function redirectUrl(
  location: string,
  { parameter, xml, relayState }: Sent,
  key: Pick<KeyPair, 'privateKey'> | null,
): Promise<string> {
  const message = deflateRawSync(Buffer.from(xml)).toString('base64');
  const pairs = [
    [parameter, message],
    ...(relayState === null ? [] : [['RelayState', relayState]]),
    ...(key ? [['SigAlg', rsaSha256]] : []),
  ];
  const octets = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value ?? '')}`).join('&');
  const signature = key && (await signBytes(Buffer.from(octets), rsaSha256, privateKeyOf(key.privateKey)));
  const query = signature ? `${octets}&Signature=${encodeURIComponent(signature.toString('base64'))}` : octets;
  return `${location}${location.includes('?') ? '&' : '?'}${query}`;
}

/** The form of the POST binding (SAML Bindings §3.5.4). The message is signed before. */
export function postForm(
  action: string,
  { parameter, xml, relayState }: Sent,
): { action: string; fields: Readonly<Record<string, string>> } {
  const message = { [parameter]: Buffer.from(xml).toString('base64') };
  return { action, fields: relayState === null ? message : { ...message, RelayState: relayState } };
}
