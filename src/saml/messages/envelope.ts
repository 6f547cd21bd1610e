import { elementsIn, isNamed, parseXml, serialize } from './document.ts';
import { namespaces } from './names.ts';
import { RefusedMessage } from './refusal.ts';

const { soap } = namespaces;

/** The one message in a SOAP envelope, as a document of its own (SAML Bindings §3.2.2). */
export function messageIn(text: string): string {
  const envelope = parseXml(text);
  const [body, ...others] = elementsIn(envelope).filter((each) => !isNamed(each, soap, 'Header'));
  if (!isNamed(envelope, soap, 'Envelope') || !body || !isNamed(body, soap, 'Body') || others.length > 0)
    throw new RefusedMessage('wrong_message');
  const [message, ...rest] = elementsIn(body);
  if (!message || rest.length > 0) throw new RefusedMessage('wrong_message');
  return serialize(message);
}

/** The type of an envelope in an answer of HTTP. */
export const ENVELOPE_TYPE = 'text/xml; charset=utf-8';

/** The answer to a request that is refused, with status 500 (SOAP 1.1 §4.4 and §6.2). It tells the sender nothing. */
export const soapRefusal = (): string =>
  soapEnvelope(
    '<soap:Fault><faultcode>soap:Client</faultcode><faultstring>The request was refused.</faultstring></soap:Fault>',
  );

/** The envelope around a message for the back channel. */
export function soapEnvelope(message: string): string {
  return `<soap:Envelope xmlns:soap="${soap}"><soap:Body>${message}</soap:Body></soap:Envelope>`;
}
