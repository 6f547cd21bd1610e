import { isDeepStrictEqual } from 'node:util';
import { newId } from '#kernel/ids.ts';
import type { BulkContact } from '#directory/contacts/module.ts';
import type { BulkIdentity } from '#directory/identities/module.ts';
import type { BulkUser, UserId } from '#directory/users/module.ts';
import type { Identity } from './import-form.ts';
import type { FurtherContact, ImportedUser } from './import-record.ts';
import type { Named } from './names.ts';

export type Line = { line: number; user: ImportedUser };

export type Step = Line & { newIdentities: Identity[]; newContacts: FurtherContact[] } & (
    | { kind: 'create'; next: BulkUser }
    | { kind: 'unchanged' | 'exists' | 'update'; before: BulkUser; next: BulkUser }
  );
export type Refused = Named & { kind: 'refused'; line: number; reason: string };

type Known = {
  people: readonly BulkUser[];
  identities: readonly BulkIdentity[];
  contacts: readonly BulkContact[];
};

/**
 * The result of each line, given the existing users. The email address identifies a user, and where the line has none the username
 * does; an existing user stays as they are unless `update` says otherwise.
 */
export function planImport(
  lines: readonly Line[],
  known: Known,
  { update, now }: { update: boolean; now: Date },
): (Step | Refused)[] {
  const byEmail = new Map(known.people.map((person) => [person.emailCanonical, person]));
  const byUsername = new Map(known.people.map((person) => [person.username, person]));
  const byLegacyId = new Map(known.people.map((person) => [person.legacyId, person.id]));
  const bySkeleton = new Map(known.people.map((person) => [person.usernameSkeleton, person.id]));
  const byId = new Map(known.people.map((person) => [person.id, person]));
  const holders = new Map(known.identities.map((identity) => [keyOf(identity), identity.userId]));
  /** The owner of an additional address. */
  const further = new Map(known.contacts.flatMap((c) => (c.kind === 'email' ? [[c.canonical, c.userId]] : [])));
  const held = new Set(known.contacts.map((contact) => contactKey(contact.userId, contact)));
  const seen = new Map<string, number>();

  /** A user with an email address is no other one for having the username of a line. */
  function byName(user: ImportedUser): BulkUser | undefined {
    const found = byUsername.get(user.username?.username ?? '');
    return found && (found.email === null || isSurely(found, user)) ? found : undefined;
  }

  return lines.map(({ line, user }): Step | Refused => {
    const refuse = (reason: string): Refused => ({ kind: 'refused', line, ...namesOf(user), reason });
    const { emailCanonical } = user;
    const before = emailCanonical === null ? byName(user) : byEmail.get(emailCanonical);
    const id = before?.id ?? user.id ?? newId('usr');
    if (!before && byId.has(id)) return refuse('id: another person has it');
    if (emailCanonical !== null && !before && further.has(emailCanonical))
      return refuse('email: another person has it as a further address');
    const key = keyOfUser(user);
    const twin = seen.get(key) ?? seen.get(id);
    if (twin !== undefined)
      return refuse(`${emailCanonical === null ? 'username' : 'email'}: the same person stands in line ${twin}`);
    const { legacyId } = user;
    if (legacyId !== undefined && (byLegacyId.get(legacyId) ?? id) !== id)
      return refuse('legacy_id: another person has it');
    const { username } = user;
    if (username !== undefined && (bySkeleton.get(username.skeleton) ?? id) !== id)
      return refuse('username: another person has it, or one that looks like it');
    const newContacts = user.further.filter(
      (contact) => contact.canonical !== emailCanonical && !held.has(contactKey(id, contact)),
    );
    const taken = newContacts.find(({ kind, canonical }) => {
      const owner = byEmail.get(canonical)?.id ?? further.get(canonical);
      return kind === 'email' && (seen.has(canonical) || (owner !== undefined && owner !== id));
    });
    if (taken) return refuse(`further_emails: ${taken.value} is another person’s`);
    const foreign = user.identities.find((identity) => (holders.get(keyOf(identity)) ?? id) !== id);
    if (foreign) return refuse(`identities: ${foreign.subject} of ${foreign.connection} is another person`);

    const newIdentities = user.identities.filter((identity) => !holders.has(keyOf(identity)));
    // Another user may have signed up with the address before its owner came.
    const belongsToOwner = user.emailVerified === true || newIdentities.length + newContacts.length > 0;
    if (update && before?.emailVerified === false && before.email !== null && belongsToOwner)
      return refuse('email: the existing user has not verified it, and gets nothing that belongs to its owner');
    if (update && before?.email === null && belongsToOwner && !isSurely(before, user))
      return refuse('username: the existing user may be another person; give id or legacy_id');
    seen.set(key, line).set(id, line);
    if (username !== undefined) bySkeleton.set(username.skeleton, id);
    if (legacyId !== undefined) byLegacyId.set(legacyId, id);
    for (const { canonical } of newContacts) seen.set(canonical, line);
    for (const identity of newIdentities) holders.set(keyOf(identity), id);
    const next = merged(user, before, { id, now });
    if (!before) return { kind: 'create', line, user, next, newIdentities, newContacts };
    const isSame = isDeepStrictEqual(next, before) && newIdentities.length + newContacts.length === 0;
    return {
      kind: isSame ? 'unchanged' : update ? 'update' : 'exists',
      line,
      user,
      before,
      next,
      newIdentities,
      newContacts,
    };
  });
}

/** No two users share it: the email address, or the username of a user without an address. */
export const keyOfUser = ({ emailCanonical, username }: Pick<ImportedUser, 'emailCanonical' | 'username'>): string =>
  emailCanonical ?? username?.username ?? '';

/** How a report names the user of a line. */
export function namesOf({ email, username, legacyId }: Pick<ImportedUser, 'email' | 'username' | 'legacyId'>): Named {
  if (email !== null) return { email };
  if (username !== undefined) return { username: username.username };
  return legacyId === undefined ? {} : { legacy_id: legacyId };
}

/** Whether the line names the user by an id. */
const isSurely = ({ id, legacyId }: BulkUser, user: ImportedUser): boolean =>
  user.id === id || (legacyId !== null && user.legacyId === legacyId);

const keyOf = ({ connection, issuer, subject }: Identity) => JSON.stringify([connection, issuer, subject]);

const contactKey = (userId: UserId, { kind, canonical }: FurtherContact) => `${userId} ${kind} ${canonical}`;

/** Values of the line replace stored ones, missing values stay. */
function merged(user: ImportedUser, before: BulkUser | undefined, made: { id: UserId; now: Date }): BulkUser {
  const phoneNumber = user.phoneNumber ?? before?.phoneNumber ?? null;
  const keepsPhone = before !== undefined && phoneNumber === before.phoneNumber;
  return {
    id: made.id,
    status: user.status ?? before?.status ?? 'active',
    email: user.email ?? before?.email ?? null,
    emailCanonical: user.emailCanonical ?? before?.emailCanonical ?? null,
    emailVerified: user.emailVerified ?? before?.emailVerified ?? false,
    username: user.username?.username ?? before?.username ?? null,
    usernameSkeleton: user.username?.skeleton ?? before?.usernameSkeleton ?? null,
    legacyId: user.legacyId ?? before?.legacyId ?? null,
    phoneNumber,
    phoneNumberVerified:
      phoneNumber !== null && (user.phoneNumberVerified ?? (keepsPhone && before.phoneNumberVerified)),
    profile: { ...before?.profile, ...user.profile },
    properties: { ...before?.properties, ...user.properties },
    // Of an existing user it is demanded with the password alone that the line brings.
    passwordUpdateRequired: before?.passwordUpdateRequired ?? user.passwordUpdateRequired ?? false,
    createdAt: before?.createdAt ?? user.createdAt ?? made.now.toISOString(),
  };
}
