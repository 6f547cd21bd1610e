import { sha256 } from '#kernel/crypto.ts';
import { type AcceptedResponse, authnContexts, nameIdFormats } from '#saml/messages/module.ts';
import { MOST_GROUPS } from '../limits.ts';
import { type Claims, type MappedMember, mappedMembers } from '../providers/provider.ts';
import type { ConnectionSettings } from '../connection.ts';
import { commonNames, presets } from './presets.ts';

/** Contexts and methods with which products say that they asked for two factors. */
const usualMfaContexts: readonly string[] = [authnContexts.multiFactor, authnContexts.microsoftMultiFactor];
/** Entra ID lists how the user authenticated in an attribute: https://learn.microsoft.com/en-us/entra/identity-platform/reference-saml-tokens */
const MICROSOFT_METHODS = 'http://schemas.microsoft.com/claims/authnmethodsreferences';

/** The signed values of an answer about a user. */
type SignedUser = Pick<AcceptedResponse, 'nameId' | 'attributes' | 'authnInstant' | 'sessionIndex' | 'contextClass'>;

/**
 * Claims under their standard names. `sub` is missing where nothing lasting says who the user is: a transient NameID is another one the next
 * time, and an attribute that is named as the subject is never replaced by something else.
 */
export function samlClaims(user: SignedUser, settings: ConnectionSettings): Claims {
  const { nameId, authnInstant, sessionIndex, contextClass } = user;
  const named = settings.preset === undefined ? commonNames : presets[settings.preset];
  const namesOf = (member: MappedMember): readonly string[] => {
    const own = settings.claims?.[member];
    return own === undefined ? (named[member] ?? []) : [own];
  };
  const valuesOf = (member: MappedMember): readonly string[] => attributeOf(user, namesOf(member));
  const texts = Object.fromEntries(
    mappedMembers.filter((member) => !lists.has(member)).map((member) => [member, valuesOf(member)[0]]),
  );
  const subjects = new Set(valuesOf('sub'));
  const lasting = nameId.format === nameIdFormats.transient ? undefined : nameId.value;
  const contexts = new Set(settings.mfaContexts ?? usualMfaContexts);
  const methods = [contextClass, ...attributeOf(user, [MICROSOFT_METHODS])];
  return {
    ...texts,
    // Which of several subjects is meant, nothing says.
    sub: namesOf('sub').length === 0 ? lasting : subjects.size === 1 ? texts['sub'] : undefined,
    email: texts['email'] ?? (nameId.format === nameIdFormats.emailAddress ? nameId.value : undefined),
    // SAML has no word for it. Whether the provider's addresses count, its connection says.
    email_verified: true,
    groups: valuesOf('groups').slice(0, MOST_GROUPS),
    roles: valuesOf('roles').slice(0, MOST_GROUPS),
    auth_time: Math.floor(authnInstant.getTime() / 1000),
    acr: contextClass ?? undefined,
    amr: methods.some((method) => contexts.has(method ?? '')) ? ['mfa'] : [],
    sid: sessionIndex === null ? undefined : sessionNameOf(nameId.value, sessionIndex),
  };
}

const lists: ReadonlySet<MappedMember> = new Set(['groups', 'roles', 'email_verified']);

/**
 * The name of a session at a provider: of this user and with this index, which another service provider may know. It has a mark, because a
 * name that a browser brings proves a sign-out at other protocols.
 */
export const sessionNameOf = (nameId: string, index: string): string =>
  `${SAML_SESSION}${sha256(JSON.stringify([nameId, index])).toString('base64url')}`;
const SAML_SESSION = 'saml:';

/** The values of the first of these attributes that is there. */
export function attributeOf({ attributes }: SignedUser, names: readonly string[]): readonly string[] {
  for (const name of names) {
    const values = attributes.filter((attribute) => attribute.name === name).flatMap((attribute) => attribute.values);
    if (values.length > 0) return values;
  }
  return [];
}
