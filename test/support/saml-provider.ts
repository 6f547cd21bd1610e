/** An identity provider of SAML: its metadata, and its answers to requests of this product, good or bad. */
import { inflateRawSync } from 'node:zlib';
import {
  type AssertionContent,
  bindings,
  buildMetadata,
  issueResponse,
  type KeyPair,
  type NameId,
  nameIdFormats,
  type Protection,
} from '#saml/messages/module.ts';
import { MINUTE } from '#kernel/clock.ts';
import { samlKey } from './saml-keys.ts';

export type Person = { nameId?: Partial<NameId>; attributes?: Readonly<Record<string, string | readonly string[]>> };

/** Changes of a good answer. */
export type Bend = {
  key?: KeyPair;
  protection?: Partial<Protection>;
  assertion?: Partial<AssertionContent>;
  issuer?: string;
  destination?: string;
  audience?: string;
  inResponseTo?: string | null;
  now?: Date;
};

/** The request of a redirect or of a form, as far as a provider needs it. */
export type SamlRequest = { id: string; acsUrl: string; issuer: string; relayState: string; xml: string };

export type SamlProvider = Awaited<ReturnType<typeof startSamlProvider>>;

const attributeOf = (xml: string, name: string): string => new RegExp(` ${name}="([^"]*)"`).exec(xml)?.[1] ?? '';

/** The request in a redirect. */
export function requestIn(location: string): SamlRequest {
  const query = new URL(location).searchParams;
  return readRequest(
    inflateRawSync(Buffer.from(query.get('SAMLRequest') ?? '', 'base64')).toString(),
    query.get('RelayState') ?? '',
  );
}

export function readRequest(xml: string, relayState: string): SamlRequest {
  return {
    id: attributeOf(xml, 'ID'),
    acsUrl: attributeOf(xml, 'AssertionConsumerServiceURL'),
    issuer: /Issuer[^>]*>([^<]*)</.exec(xml)?.[1] ?? '',
    relayState,
    xml,
  };
}

export async function startSamlProvider(entityId = 'https://idp.example/saml') {
  const key = await samlKey();
  const signOnUrl = `${entityId}/sso`;
  let answers = 0;
  return {
    entityId,
    signOnUrl,
    key,
    metadata(over: { certificates?: readonly string[]; signOn?: string; binding?: 'redirect' | 'post' } = {}): string {
      return buildMetadata({
        entityId,
        identityProvider: {
          signingCertificates: over.certificates ?? [key.certificate],
          encryptionCertificates: [],
          singleLogoutServices: [{ binding: bindings.redirect, location: `${entityId}/slo`, responseLocation: null }],
          nameIdFormats: [nameIdFormats.persistent],
          singleSignOnServices: [
            {
              binding: bindings[over.binding ?? 'redirect'],
              location: over.signOn ?? signOnUrl,
              responseLocation: null,
            },
          ],
          wantAuthnRequestsSigned: false,
        },
      });
    },
    /** The XML of an answer. */
    async answer(request: SamlRequest, { nameId, attributes = {} }: Person, bend: Bend = {}): Promise<string> {
      const now = bend.now ?? new Date(performance.timeOrigin + performance.now());
      answers += 1;
      const { xml } = await issueResponse(
        {
          issuer: bend.issuer ?? entityId,
          destination: bend.destination ?? request.acsUrl,
          issueInstant: now,
          inResponseTo: bend.inResponseTo === undefined ? request.id : bend.inResponseTo,
          assertion: {
            nameId: {
              value: `user-${answers}`,
              format: nameIdFormats.persistent,
              nameQualifier: null,
              spNameQualifier: null,
              ...nameId,
            },
            audiences: [bend.audience ?? request.issuer],
            notBefore: new Date(now.getTime() - MINUTE / 2),
            notOnOrAfter: new Date(now.getTime() + 5 * MINUTE),
            authnInstant: now,
            sessionIndex: `_session-${answers}`,
            contextClass: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
            attributes: Object.entries(attributes).map(([name, value]) => ({
              name,
              nameFormat: null,
              friendlyName: null,
              values: typeof value === 'string' ? [value] : value,
            })),
            ...bend.assertion,
          },
        },
        { key: bend.key ?? key, signsAssertion: true, signsResponse: false, ...bend.protection },
      );
      return xml;
    },
  };
}

/** The form that a browser posts. */
export const samlForm = (xml: string, relayState: string): Record<string, string> => ({
  SAMLResponse: Buffer.from(xml).toString('base64'),
  RelayState: relayState,
});
