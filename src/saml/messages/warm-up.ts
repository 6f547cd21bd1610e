import { generateKeyPairSync } from 'node:crypto';
import { envelopedSignature, exclusiveCanonicalization, sha256Digest } from './algorithms.ts';
import { carryOut } from './job.ts';
import { namespaces, statuses } from './names.ts';

const ROUNDS = 3;
const ecdsaSha256 = 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256';

/**
 * Reads a message with a wrong signature, so that the code of the libraries is loaded and compiled before the time of the first message
 * counts: the first reading takes thirty times as long as the next ones.
 */
export function warmUp(): void {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const certificates = [publicKey.export({ type: 'spki', format: 'pem' }).toString()];
  for (let round = 0; round < ROUNDS; round += 1)
    carryOut({
      name: 'response',
      opened: { text, binding: 'post', querySignature: null, relayState: null },
      demands: { certificates },
    });
}

const head = 'Version="2.0" IssueInstant="2026-01-01T00:00:00Z"';
const signature =
  `<ds:Signature xmlns:ds="${namespaces.signature}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="${exclusiveCanonicalization}"/>` +
  `<ds:SignatureMethod Algorithm="${ecdsaSha256}"/><ds:Reference URI="#_a"><ds:Transforms><ds:Transform Algorithm="${envelopedSignature}"/>` +
  `<ds:Transform Algorithm="${exclusiveCanonicalization}"/></ds:Transforms><ds:DigestMethod Algorithm="${sha256Digest}"/>` +
  '<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue>AAAA</ds:SignatureValue></ds:Signature>';
const text =
  `<samlp:Response xmlns:samlp="${namespaces.protocol}" xmlns:saml="${namespaces.assertion}" ID="_r" ${head}>` +
  `<samlp:Status><samlp:StatusCode Value="${statuses.success}"/></samlp:Status><saml:Assertion ID="_a" ${head}>` +
  `<saml:Issuer>warm-up</saml:Issuer>${signature}<saml:Subject><saml:NameID>warm-up</saml:NameID></saml:Subject>` +
  '</saml:Assertion></samlp:Response>';
