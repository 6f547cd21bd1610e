import { decryptElement } from './decryption.ts';
import { isNamed, parseXml, withOuterPrefixes } from './document.ts';
import { passGate } from './gate.ts';
import { namespaces } from './names.ts';
import { RefusedMessage } from './refusal.ts';

/**
 * The element in an EncryptedID or an EncryptedAttribute (SAML Core §2.2.4, §2.7.3.2). `encrypted` is from signed bytes, which no
 * attacker on the way can change to watch the outcome, so that AES-CBC is as good as AES-GCM here.
 */
export function decryptedPart(
  encrypted: Element,
  name: 'NameID' | 'Attribute',
  decryptionKeys: readonly string[],
): Element {
  const text = passGate(decryptElement(encrypted, { decryptionKeys, allowsCbc: true }));
  const element = parseXml(withOuterPrefixes(text, encrypted));
  if (!isNamed(element, namespaces.assertion, name)) throw new RefusedMessage('encryption_form');
  return element;
}
