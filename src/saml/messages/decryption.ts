import { decrypt } from 'xml-encryption';
import { allElements, attributeOf, child, elementsIn, serialize } from './document.ts';
import { namespaces } from './names.ts';
import { RefusedMessage } from './refusal.ts';

const { encryption: xenc, signature: dsig } = namespaces;

/** Authenticated: a changed text is no text. */
const authenticated = ['http://www.w3.org/2009/xmlenc11#aes128-gcm', 'http://www.w3.org/2009/xmlenc11#aes256-gcm'];
/** Not authenticated: a changed text can be told from a wrong one, and so decrypted by asking (the padding oracle). */
const chained = ['http://www.w3.org/2001/04/xmlenc#aes128-cbc', 'http://www.w3.org/2001/04/xmlenc#aes256-cbc'];
/** RSA-OAEP. PKCS #1 v1.5 is never accepted, because its padding can be asked for, too (Bleichenbacher). */
const keyTransports = ['http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p', 'http://www.w3.org/2009/xmlenc11#rsa-oaep'];

/** The text in an encrypted element of SAML, by the first of the keys that opens it. */
export function decryptElement(
  encrypted: Element,
  { decryptionKeys, allowsCbc }: { decryptionKeys: readonly string[]; allowsCbc: boolean },
): string {
  const xml = demandForm(encrypted, allowsCbc ? [...authenticated, ...chained] : authenticated);
  for (const key of decryptionKeys) {
    const text = decryptedWith(key, xml);
    if (text) return text;
  }
  throw new RefusedMessage('decryption_failed');
}

/** The library looks for parts by their names anywhere, so there is one of each and it is in its place. */
function demandForm(encrypted: Element, dataAlgorithms: readonly string[]): string {
  const data = child(encrypted, xenc, 'EncryptedData');
  const keyInfo = data && child(data, dsig, 'KeyInfo');
  const inside = keyInfo && child(keyInfo, xenc, 'EncryptedKey');
  const sibling = child(encrypted, xenc, 'EncryptedKey');
  const key = inside ?? sibling;
  const count = (name: string) => allElements(encrypted).filter(({ localName }) => localName === name).length;
  const isWhole =
    data &&
    key &&
    elementsIn(encrypted).every((each) => each === data || each === sibling) &&
    count('EncryptedData') === 1 &&
    count('EncryptedKey') === 1 &&
    count('EncryptionMethod') === 2 &&
    count('CipherValue') === 2;
  if (!isWhole) throw new RefusedMessage('encryption_form');
  if (!dataAlgorithms.includes(algorithmOf(data)) || !keyTransports.includes(algorithmOf(key)))
    throw new RefusedMessage('encryption_algorithm');
  return serialize(encrypted);
}

function algorithmOf(element: Element): string {
  const method = child(element, xenc, 'EncryptionMethod');
  return (method && attributeOf(method, 'Algorithm')) ?? '';
}

/** The callback is called at once. A wrong key and a wrong text look the same. */
function decryptedWith(key: string, xml: string): string | null {
  let text: string | null = null;
  try {
    decrypt(
      xml,
      { key, disallowDecryptionWithInsecureAlgorithm: false, warnInsecureAlgorithm: false },
      (error, found) => {
        text = error ? null : found;
      },
    );
  } catch {
    return null;
  }
  return text;
}
