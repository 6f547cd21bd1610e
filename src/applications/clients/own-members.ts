import { z } from 'zod';
import { LONGEST_ORIGIN, MOST_ADDRESSES, MOST_CLAIM_NAMES } from './limits.ts';
import { mappedClaimsSchema } from './mapped-claims.ts';
import { objectionToOrigin } from './redirect-uri.ts';

/** A list in metadata: duplicate values count once, and at most `most` of them remain. The same rule applies to all writers. */
export const distinct = <I extends z.ZodType<string>>(item: I, most: number) =>
  z
    .array(item)
    .transform((items) => [...new Set(items)])
    .refine((items) => items.length <= most, `must hold at most ${most} different values`);

/** `require`: each sign-in is for an organization; the user chooses one where the client names none. */
const organizationUsages = ['deny', 'allow', 'require'] as const;

/**
 * Client metadata of Latchkey's own, which no specification names: one row for each member. From a row follow the place in the
 * metadata of a client, the option of `client create` and `client change`, the entry in the API document, and the member of the
 * engine's client. A registration (RFC 7591) may set the members that the setting `oidc.registrationMembers` names; of the
 * others it may repeat the value that it read. docs/clients.md has a row for each.
 */
const members = {
  mapped_claims: mappedClaimsSchema.describe(
    'Claims for this client, by name, each with its source: {"groups":{"source":"roles"}}',
  ),
  minimum_acr: z
    .enum(['urn:latchkey:acr:1', 'urn:latchkey:acr:2', 'urn:latchkey:acr:3'])
    .describe('Least level at which users may sign in here'),
  require_pkce: z
    .boolean()
    .describe('Whether PKCE is required; a confidential client that sends a nonce may be exempt'),
  allowed_origins: distinct(
    z
      .string()
      .max(LONGEST_ORIGIN)
      .superRefine((origin, context) => {
        const objection = objectionToOrigin(origin);
        if (objection) context.addIssue({ code: 'custom', message: objection });
      }),
    MOST_ADDRESSES,
  ).describe('Origin whose pages may read answers of the token endpoint and userinfo, such as capacitor://localhost'),
  id_token_claims: distinct(
    z.string().regex(/^(?:\*|[^\s*]{1,128})$/, 'must be the name of a claim, or *'),
    MOST_CLAIM_NAMES,
  ).describe('Claim of the granted scopes that the ID token holds too; * for all'),
  sign_out_unasked: z
    .boolean()
    .describe('The application signs users out without a question, by an ID token of their session'),
  offline_access_unprompted: z
    .boolean()
    .describe('A native application gets offline_access by the consent of the user, without prompt=consent'),
  organization_usage: z
    .enum(organizationUsages)
    .describe('Whether users sign in here for an organization: never, where the client names one, or always'),
  refresh_token_grace: z
    .int()
    .min(0)
    .max(60)
    .describe('Seconds in which a refresh token that was just used has the same successor again; 0 for never'),
} as const;

type OwnMember = keyof typeof members;
type Schema<M extends OwnMember> = (typeof members)[M];

export const ownMembers = Object.keys(members) as OwnMember[];

/** For a client that is created, and for the metadata that is stored. */
export const ownMemberShape = Object.fromEntries(
  ownMembers.map((name) => [name, members[name].optional().describe(members[name].description ?? '')]),
) as { [M in OwnMember]: z.ZodOptional<Schema<M>> };

/** Options of commands that differ from the form that follows from a schema: a boolean takes a value, so that it can be false. */
export const ownMemberOptions: Readonly<Record<string, { flags: string }>> = Object.fromEntries(
  ownMembers
    .filter((name) => (members[name] as z.ZodType) instanceof z.ZodBoolean)
    .map((name) => [name, { flags: `--${name.replaceAll('_', '-')} <yes>` }]),
);

/** The value of a member of the engine's client; undefined for the default. It was validated when it was stored. */
export function ownMember<M extends OwnMember>(
  client: { readonly [member: string]: unknown } | undefined,
  name: M,
): z.output<Schema<M>> | undefined {
  return client?.[name] as z.output<Schema<M>> | undefined;
}
