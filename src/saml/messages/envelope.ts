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

/** The envelope around a message for the back channel. */
export function soapEnvelope(message: string): string {
  return `<soap:Envelope xmlns:soap="${soap}"><soap:Body>${message}</soap:Body></soap:Envelope>`;
}
