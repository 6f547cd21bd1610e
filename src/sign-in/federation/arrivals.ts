import type { AuditLog, By } from '#audit/module.ts';
import type { TellOwner } from '#credentials/module.ts';
import type { EmailProofs } from '#directory/contacts/module.ts';
import type { IdentityTokens, LinkedIdentities, UpstreamTokenSet } from '#directory/identities/module.ts';
import type { ProvidedProperties, ReadUser, UserId, UserService } from '#directory/users/module.ts';
import { AppError, unreachable } from '#kernel/errors.ts';
import type { Id } from '#kernel/ids.ts';
import { type Clock, fromNow } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Language } from '#kernel/i18n.ts';
import { userSignInFailed } from '#sign-in/interaction/events.ts';
import type { SignInOutcome, Upstream } from '#sign-in/interaction/module.ts';
import { LONGEST_WAY } from './limits.ts';
import { FollowedMemberships, type MembershipDependencies } from './memberships.ts';
import { claimsOf, identityOf, membershipOf, nameOf, type UpstreamProfile, waitingFor } from './profile.ts';
import { type ArrivalFacts, type Refusal, type Resolution, resolveUser } from './resolve-user.ts';

/** The sign-in of a user who came back from a provider, and its browser. */
export type Newcomer = {
  uid: string;
  by: By;
  language: Language;
  /** The invitation of this browser. */
  invitation: string | undefined;
  /** The user of the session proves again who they are. */
  isAgain: boolean;
  /** Writes the proof to the sign-in, in the transaction of what it rests on. */
  record(em: EntityManager, userId: UserId): Promise<void>;
};

export type ArrivalOutcome =
  | { kind: 'signed-in' }
  /** The identity waits for the account with this address, or for a new one. */
  | { kind: 'confirm'; upstream: Upstream; identifier: string }
  | { kind: 'register'; upstream: Upstream }
  /** `old_proof`: a fresh proof was asked for, and the provider says that its own is old. */
  | { kind: 'refused'; reason: Refusal | 'throttled' };

export type ArrivalDependencies = MembershipDependencies & {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  users: Pick<UserService, 'findById' | 'findByIdentifier'>;
  identities: Pick<LinkedIdentities, 'findUser' | 'used' | 'link'>;
  tokens: Pick<IdentityTokens, 'keep'>;
  providedProperties: Pick<ProvidedProperties, 'write'>;
  /** The owner of the domain of an address. */
  realms: {
    find(
      identifier: string,
    ): Promise<{ organizationId: Id<'org'>; signIn: string; connections: readonly { slug: string }[] } | null>;
  };
  emailProofs: Pick<EmailProofs, 'confirmByProvider'>;
  provided: {
    admit(email: string | null, link: string | undefined): Promise<ArrivalFacts['admission']>;
    create(
      uid: string,
      provided: { email: string; profile: Upstream['profile']; isAdmitted: boolean },
      link: string | undefined,
      newcomer: Pick<Newcomer, 'by' | 'language' | 'record'>,
    ): Promise<'created' | 'taken' | 'throttled'>;
  };
  audit: Pick<AuditLog, 'note'>;
  tellOwner: TellOwner;
  counted?: ((outcome: SignInOutcome) => void) | undefined;
};

type Identity = Parameters<LinkedIdentities['link']>[2];
type Found = ArrivalFacts['linked'];

/** Makes a sign-in of an identity at an upstream provider: what resolve-user.ts decides is done here. */
export class Arrivals {
  readonly #deps: ArrivalDependencies;
  readonly #memberships: FollowedMemberships;

  constructor(dependencies: ArrivalDependencies) {
    this.#deps = dependencies;
    this.#memberships = new FollowedMemberships(dependencies);
  }

  async arrive(profile: UpstreamProfile, newcomer: Newcomer): Promise<ArrivalOutcome> {
    let arrived: UserId | null = null;
    const record: Newcomer['record'] = async (em, userId) => {
      await newcomer.record(em, userId);
      arrived = userId;
    };
    const resolution: Resolution = this.#isOld(profile, newcomer)
      ? { kind: 'refused', reason: 'old_proof' }
      : resolveUser(await this.#readFacts(profile, newcomer));
    const outcome = await this.#perform(profile, { ...newcomer, record }, resolution);
    if (outcome.kind === 'signed-in') {
      this.#deps.counted?.('verified');
      if (arrived !== null) await this.keepTokens(arrived, identityOf(profile), profile.tokens);
      const { properties: values, connection } = profile;
      const told = { connection: connection.slug, values, follows: connection.updatesProperties };
      if (arrived !== null) await this.#tellProperties(arrived, told, resolution.kind !== 'sign-in', newcomer.by);
    }
    if (outcome.kind === 'refused') await this.refuse(outcome.reason, profile.connection.slug, newcomer.by);
    return outcome;
  }

  /** After the identity is linked, so that it is known whose tokens they are. */
  async keepTokens(userId: UserId, identity: Identity, tokens: UpstreamTokenSet | null): Promise<void> {
    if (tokens !== null) await this.#deps.tokens.keep(userId, identity, tokens);
  }

  /** Of a new account all; of others only where they follow the provider. An answer of the user stays, unless they follow. */
  async #tellProperties(
    userId: UserId,
    { connection, values, follows }: { connection: string } & NonNullable<Upstream['properties']>,
    isNew: boolean,
    by: By,
  ): Promise<void> {
    if (Object.keys(values).length === 0 || !(isNew || follows)) return;
    await this.#deps.providedProperties.write(userId, { connection, values, keeps: !follows }, by);
  }

  /** Records a sign-in that was refused, here or by the provider. */
  async refuse(reason: string, connection: string, by: By): Promise<void> {
    this.#deps.counted?.('wrong');
    await this.#deps.audit.note(
      userSignInFailed({ ...by, outcome: 'failure', details: { reason, method: 'federation', connection } }),
    );
  }

  /**
   * Links an identity that waited for its account, at the end of a sign-in with it. An identity that another user has linked meanwhile stays
   * theirs, and the sign-in goes on.
   */
  async linkWaiting(upstream: Upstream, userId: UserId, by: By): Promise<void> {
    const { connection, name, membership } = upstream;
    const identity = { ...upstream, connection: connection.slug };
    try {
      await this.#deps.database.transaction(async (em) => {
        await this.#memberships.settle(em, userId, membership, by);
        await this.#link(em, userId, { identity, name, connection, by });
      });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'identities.taken') throw error;
      return;
    }
    const { properties } = upstream;
    if (properties)
      await this.#tellProperties(userId, { connection: connection.slug, ...properties }, upstream.userId === null, by);
  }

  /** A provider that does not say when it asked its user is believed: most of them never say it. */
  #isOld({ authenticatedAt }: UpstreamProfile, { isAgain }: Newcomer): boolean {
    return isAgain && authenticatedAt !== null && authenticatedAt < fromNow(this.#deps.clock, -LONGEST_WAY);
  }

  async #readFacts(profile: UpstreamProfile, { invitation }: Newcomer): Promise<ArrivalFacts> {
    const { users, identities, provided } = this.#deps;
    const { connection, email } = profile;
    const { organizationId } = connection;
    const realm = email === null ? null : await this.#deps.realms.find(email.address);
    const isOfRealm = realm?.connections.some(({ slug }) => slug === connection.slug) ?? false;
    const standing = standingOf(profile, isOfRealm);
    const trusted = standing === 'trusted' ? (email?.address ?? null) : null;
    const [linkedId, holder, admission] = await Promise.all([
      identities.findUser(identityOf(profile)),
      trusted === null ? null : users.findByIdentifier(trusted),
      provided.admit(trusted, invitation),
    ]);
    const read = async (id: UserId | null) => this.#found(id && (await users.findById(id)), organizationId);
    const [linked, owner] = [await read(linkedId), await read(holder?.id ?? null)];
    return {
      linked,
      owner: owner && { ...owner, isProved: holder?.emailVerified === true },
      email: standing,
      isBound: realm !== null && !isOfRealm && (realm.signIn !== 'any' || realm.organizationId === organizationId),
      connection: { ...connection, isOfOrganization: organizationId !== null },
      admission,
    };
  }

  async #found(user: ReadUser | null, organizationId: Id<'org'> | null): Promise<Found> {
    if (user === null) return null;
    return {
      id: user.id,
      isActive: user.status === 'active',
      isMember: organizationId === null || (await this.#deps.isMember(organizationId, user.id)),
      isPrivileged: user.permissions.length > 0 || user.roles.length > 0,
    };
  }

  async #perform(profile: UpstreamProfile, newcomer: Newcomer, resolution: Resolution): Promise<ArrivalOutcome> {
    const email = profile.email?.address ?? '';
    switch (resolution.kind) {
      case 'sign-in':
        return this.#signIn(profile, newcomer, resolution.userId);
      case 'confirm':
        return { kind: 'confirm', upstream: waitingFor(profile, resolution.userId), identifier: email };
      case 'claim':
        return this.#claim(profile, newcomer, resolution.userId, email);
      case 'create':
        return this.#create(profile, newcomer, email);
      case 'register':
        return { kind: 'register', upstream: waitingFor(profile, null) };
      case 'refused':
        return resolution;
      default:
        return unreachable(resolution);
    }
  }

  async #signIn(profile: UpstreamProfile, { record, by }: Newcomer, userId: UserId): Promise<ArrivalOutcome> {
    const { database, identities, users } = this.#deps;
    const membership = membershipOf(profile);
    const isSettled = await this.#memberships.isSettled(userId, membership);
    const user = await users.findById(userId);
    if (user !== null) await this.#memberships.rename(user, membership, claimsOf(profile), by);
    const isLinked = await database.transaction(async (em) => {
      if (!isSettled) await this.#memberships.settle(em, userId, membership, by);
      if (!(await identities.used(em, userId, identityOf(profile), nameOf(profile)))) return false;
      await record(em, userId);
      return true;
    });
    return isLinked ? { kind: 'signed-in' } : { kind: 'refused', reason: 'no_account' };
  }

  async #claim(
    profile: UpstreamProfile,
    { uid, by, record }: Newcomer,
    userId: UserId,
    address: string,
  ): Promise<ArrivalOutcome> {
    const prover = {
      userId,
      by,
      interaction: uid,
      // After everything that was left in the account has gone.
      record: async (em: EntityManager) => {
        await this.#memberships.settle(em, userId, membershipOf(profile), by);
        await record(em, userId);
        await this.#linkNew(em, userId, profile, by);
      },
    };
    const isClaimed = await this.#deps.emailProofs.confirmByProvider(prover, address);
    return isClaimed ? { kind: 'signed-in' } : { kind: 'refused', reason: 'address_taken' };
  }

  async #create(
    profile: UpstreamProfile,
    { uid, by, language, invitation, record }: Newcomer,
    email: string,
  ): Promise<ArrivalOutcome> {
    const { identities, provided } = this.#deps;
    const membership = membershipOf(profile);
    const account = { email, profile: claimsOf(profile), isAdmitted: membership !== null };
    const outcome = await provided.create(uid, account, invitation, {
      by,
      language,
      record: async (em, userId) => {
        await this.#memberships.settle(em, userId, membership, by);
        await record(em, userId);
        await identities.link(em, userId, identityOf(profile), nameOf(profile), by);
      },
    });
    if (outcome === 'created') return { kind: 'signed-in' };
    return { kind: 'refused', reason: outcome === 'taken' ? 'address_taken' : outcome };
  }

  #linkNew(em: EntityManager, userId: UserId, profile: UpstreamProfile, by: By): Promise<void> {
    const { connection } = profile;
    return this.#link(em, userId, { identity: identityOf(profile), name: nameOf(profile), connection, by });
  }

  async #link(
    em: EntityManager,
    userId: UserId,
    {
      identity,
      name,
      connection,
      by,
    }: {
      identity: Identity;
      name: string | null;
      connection: Pick<UpstreamProfile['connection'], 'name'>;
      by: By;
    },
  ): Promise<void> {
    const { identities, tellOwner } = this.#deps;
    if (await identities.link(em, userId, identity, name, by))
      await tellOwner(em, { userId, kind: 'identity_linked', name: connection.name, visitor: by.visitor });
  }
}

/** An organization vouches for the addresses of its own domains, by the connections of the domain. */
function standingOf({ connection, email }: UpstreamProfile, isOfRealm: boolean): ArrivalFacts['email'] {
  if (email === null) return 'none';
  if (connection.organizationId === null) return email.isTrusted ? 'trusted' : 'untrusted';
  if (!isOfRealm) return 'foreign';
  return email.isAsserted || email.isTrusted ? 'trusted' : 'untrusted';
}
