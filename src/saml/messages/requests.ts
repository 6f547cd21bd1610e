import { messageId, type Part, part, textPart, write } from './building.ts';
import type { NameId, Status } from './message.ts';
import { bindings } from './names.ts';

/** The members that every message of ours has. */
export type Head = Readonly<{
  /** Made if it is not given. */
  id?: string;
  /** Our entity id. */
  issuer: string;
  destination: string;
  issueInstant: Date;
}>;

type AuthnRequestContent = Head &
  Readonly<{
    assertionConsumerServiceUrl: string;
    forceAuthn?: boolean;
    isPassive?: boolean;
    nameIdFormat?: string | null;
    /** Authentication context classes; the user must satisfy one of them. */
    contextClasses?: readonly string[];
    contextComparison?: 'exact' | 'minimum' | 'maximum' | 'better';
    /** The user who should sign in. Few products read it. */
    loginHint?: NameId | null;
  }>;

type LogoutRequestContent = Head &
  Readonly<{
    nameId: NameId;
    sessionIndexes?: readonly string[];
    notOnOrAfter: Date;
    reason?: string;
  }>;

type LogoutResponseContent = Head & Readonly<{ inResponseTo: string; status: Status }>;

/** An unsigned message, with the id under which the answer refers to it. */
export type Built = Readonly<{ id: string; xml: string }>;

/** A request that a user signs in (SAML Core §3.4.1). */
export function buildAuthnRequest(content: AuthnRequestContent): Built {
  const { nameIdFormat, contextClasses = [], loginHint } = content;
  return built('samlp:AuthnRequest', content, {
    attributes: {
      AssertionConsumerServiceURL: content.assertionConsumerServiceUrl,
      ProtocolBinding: bindings.post,
      ForceAuthn: content.forceAuthn || null,
      IsPassive: content.isPassive || null,
    },
    content: [
      loginHint && part('saml:Subject', {}, nameIdPart(loginHint)),
      part('samlp:NameIDPolicy', { Format: nameIdFormat, AllowCreate: true }),
      contextClasses.length > 0 &&
        part(
          'samlp:RequestedAuthnContext',
          { Comparison: content.contextComparison ?? 'exact' },
          ...contextClasses.map((each) => part('saml:AuthnContextClassRef', {}, each)),
        ),
    ],
  });
}

/** A request that a user is signed out (SAML Core §3.7.1). */
export function buildLogoutRequest(content: LogoutRequestContent): Built {
  return built('samlp:LogoutRequest', content, {
    attributes: { NotOnOrAfter: content.notOnOrAfter, Reason: content.reason },
    content: [
      nameIdPart(content.nameId),
      ...(content.sessionIndexes ?? []).map((index) => part('samlp:SessionIndex', {}, index)),
    ],
  });
}

/** The answer to such a request (SAML Core §3.7.2). */
export function buildLogoutResponse(content: LogoutResponseContent): Built {
  return built('samlp:LogoutResponse', content, {
    attributes: { InResponseTo: content.inResponseTo },
    content: [statusPart(content.status)],
  });
}

/** The identifier of the user. */
export function nameIdPart({ value, format, nameQualifier, spNameQualifier }: NameId): Part {
  return part('saml:NameID', { Format: format, NameQualifier: nameQualifier, SPNameQualifier: spNameQualifier }, value);
}

/** Whether the request could be met, and why not. */
export function statusPart({ code, subcode, message }: Status): Part {
  return part(
    'samlp:Status',
    {},
    part('samlp:StatusCode', { Value: code }, subcode && part('samlp:StatusCode', { Value: subcode })),
    textPart('samlp:StatusMessage', message),
  );
}

function built(
  name: Part['name'],
  { id = messageId(), issuer, destination, issueInstant }: Head,
  rest: { attributes: Part['attributes']; content: readonly (Part | string | null | undefined | false)[] },
): Built {
  const head = { ID: id, Version: '2.0', IssueInstant: issueInstant, Destination: destination };
  return {
    id,
    xml: write(part(name, { ...head, ...rest.attributes }, part('saml:Issuer', {}, issuer), ...rest.content)),
  };
}
