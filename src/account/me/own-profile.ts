import type { By } from '#audit/module.ts';
import { profileInvalid, propertiesInvalid } from '#directory/users/errors.ts';
import {
  type AskedClaim,
  checkedProperties,
  type UserDetails,
  type ReadUser,
  type User,
  type Usernames,
} from '#directory/users/module.ts';
import type { Policies, Property } from '#settings/module.ts';
import { changedMembers } from '../profile/profile-routes.ts';

type Claims = { readonly [Claim in AskedClaim | 'locale']?: string | null | undefined };
/** A change of the profile by its user; null removes a member, a missing member stays. */
type OwnChange = Claims & {
  readonly username?: string | null | undefined;
  readonly theme?: User['theme'] | undefined;
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
};

type Dependencies = {
  userDetails: Pick<UserDetails, 'changeOwn'>;
  usernames: Pick<Usernames, 'writeOwn'>;
  policies: Policies<'profile' | 'users'>;
};

/** The profile of a user, as a program changes it for its user: the same members as on the page of the profile. */
export class OwnProfile {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Throws users.profile_invalid, users.properties_invalid, and the errors of usernames. */
  async change(user: ReadUser, { username, theme, properties = {}, ...claims }: OwnChange, by: By): Promise<void> {
    const { userDetails, usernames, policies } = this.#deps;
    const { required, properties: schema } = policies.for({ user: user.id }).profile;
    const given = Object.entries(claims).filter(([, value]) => value !== undefined);
    // Text of hidden characters alone is no text.
    const profile = Object.fromEntries(given.map(([claim, value]) => [claim, value === '' ? null : value]));
    const missing = Object.keys(profile).filter(
      (claim) => profile[claim] === null && required.some((each) => each === claim),
    );
    if (missing.length > 0)
      throw profileInvalid(Object.fromEntries(missing.map((claim) => [claim, 'is required here'])));
    const values = checkedProperties(requireOwn(schema, properties), properties);
    if (username !== undefined && username !== user.username) await usernames.writeOwn(user.id, username, by);
    const isOtherTheme = theme !== undefined && theme !== (user.theme ?? null);
    await userDetails.changeOwn(
      user.id,
      {
        profile: changedMembers(profile, user.profile),
        properties: changedMembers(values, user.properties),
        ...(isOtherTheme ? { theme } : {}),
      },
      by,
    );
  }
}

/** The properties that users change themselves. Throws users.properties_invalid for another one, and where a required one would go. */
function requireOwn(schema: readonly Property[], given: Readonly<Record<string, unknown>>): readonly Property[] {
  const own = schema.filter(({ editable }) => editable === 'user');
  for (const [name, value] of Object.entries(given)) {
    const property = own.find((each) => each.name === name);
    if (property === undefined) throw propertiesInvalid(`There is no property ${name} that users change themselves.`);
    if (value === null && property.required) throw propertiesInvalid(`${name} is required here.`);
  }
  return own;
}
