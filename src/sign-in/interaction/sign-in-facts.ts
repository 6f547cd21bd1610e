import type {
  OverviewPlace,
  PasskeyService,
  SecondFactorOverview,
  SecondFactorOverviews,
} from '#credentials/module.ts';
import { type Clock, DAY, fromNow } from '#kernel/clock.ts';
import type { Texts } from '#kernel/sms/texts.ts';
import { instance, type Policies, type Policy, type PolicyInForce, type UserPolicies } from '#settings/module.ts';
import type { ReadUser, UserId, UserService } from '#directory/users/module.ts';
import type { By } from '#audit/module.ts';
import type { Language } from '#kernel/i18n.ts';
import type { Facts } from './facts.ts';
import { ACCOUNT_NEW_FOR } from './limits.ts';
import type { ConnectionDemand } from './upstream.ts';

/** The facts of a sign-in: its user, this browser and the policies in force. */
type UserFacts = {
  user: ReadUser;
  /** `hasTrust`: by the policy of this sign-in. */
  held: SecondFactorOverview;
  /** The policy for the organization that the sign-in is for; where it is for none, for all organizations of the user. */
  policy: PolicyInForce;
  /** The policy of the instance, which organizations tighten. */
  own: PolicyInForce;
  /** The domain of the user's email address demands a connection of its organization; null where it does not. */
  demand: ConnectionDemand | null;
  /** The address of the browser. */
  ip: string;
  now: Date;
  /** Text messages reach the proven number of the user. */
  canText: boolean;
  /** There are passkeys at this issuer. */
  hasPasskeys: boolean;
  /** This browser says that it could keep a passkey of its own. */
  canCreatePasskey: boolean;
  /** How a user whose account was created in this sign-in wants to sign in; null for every other. */
  chosenMethod: string | null;
};

/** All that decides what a sign-in requires of its user: what was proved, and what is known of the user. */
export type SignInFacts = Facts & UserFacts;

export type FactsDependencies = {
  clock: Clock;
  users: Pick<UserService, 'findById'>;
  secondFactorOverviews: Pick<SecondFactorOverviews, 'find'>;
  passkeys: Pick<PasskeyService, 'relyingParty'>;
  texts: Pick<Texts, 'reaches'>;
  policies: Policies & UserPolicies;
  demands: { demandOn(user: ReadUser): Promise<ConnectionDemand | null> };
  /** The choice of a user who created the account in a sign-in. */
  newAccounts: { findChoice(uid: string, userId: UserId): Promise<string | null> };
};

/** A browser that signs in. */
export type Arrival = {
  by: By;
  clientId: string;
  ip: string;
  userAgent: string;
  deviceSecret: string | undefined;
  language: Language;
};

/** Compares a sign-in with earlier ones of its user. */
export type Assess = (
  user: Pick<ReadUser, 'id' | 'email' | 'username'>,
  arrival: Arrival,
) => Promise<{ signals: readonly string[]; actions: readonly string[] }>;

/** The sign-in that asks, and what the browser brought along. */
type Place = { uid: string; client: string; organization: string | null; ip: string } & Pick<
  OverviewPlace,
  'trustSecret'
> &
  Pick<UserFacts, 'canCreatePasskey'>;

/** Reads the facts of a user once a request, in two statements, and one more where an organization tightens the policy. */
export class UserFactsReader {
  readonly #deps: FactsDependencies;
  readonly #users = new WeakMap<object, Map<UserId, Promise<ReadUser | null>>>();
  readonly #facts = new WeakMap<object, Map<UserId, Promise<UserFacts | null>>>();

  constructor(dependencies: FactsDependencies) {
    this.#deps = dependencies;
  }

  /** `request`: whatever lives as long as the request does. */
  findUser(request: object, userId: UserId): Promise<ReadUser | null> {
    return once(this.#users, request, userId, () => this.#deps.users.findById(userId));
  }

  /** A step has read the user in this request, which need not be read again. */
  userFound(request: object, user: ReadUser): void {
    void once(this.#users, request, user.id, () => Promise.resolve(user));
  }

  /** Null when there is no such user, or the user may not sign in. */
  find(request: object, userId: UserId, place: Place): Promise<UserFacts | null> {
    return once(this.#facts, request, userId, () => this.#read(request, userId, place));
  }

  /** After a step wrote what is read here. */
  forget(request: object): void {
    this.#users.delete(request);
    this.#facts.delete(request);
  }

  async #read(
    request: object,
    userId: UserId,
    { uid, client, organization, ip, trustSecret, canCreatePasskey }: Place,
  ): Promise<UserFacts | null> {
    const { clock, secondFactorOverviews, passkeys, texts, policies, demands, newAccounts } = this.#deps;
    const [user, held, policy] = await Promise.all([
      this.findUser(request, userId),
      secondFactorOverviews.find(userId, { holder: uid, trustSecret }),
      policies.ofUser(userId, client, organization),
    ]);
    if (user?.status !== 'active') return null;
    const isNew = user.createdAt > fromNow(clock, -ACCOUNT_NEW_FOR);
    return {
      user,
      held: { ...held, hasTrust: isTrusted(held, policy.mfa, clock) },
      policy,
      own: policies.for(instance),
      demand: await demands.demandOn(user),
      ip,
      now: clock.now(),
      canText: user.phoneNumberVerified && texts.reaches(user.phoneNumber ?? ''),
      hasPasskeys: passkeys.relyingParty !== null,
      canCreatePasskey,
      chosenMethod: isNew ? await newAccounts.findChoice(uid, userId) : null,
    };
  }
}

const isTrusted = ({ trustedAt }: SecondFactorOverview, { trustDays }: Policy<'mfa'>, clock: Clock): boolean =>
  trustedAt !== null && trustedAt > fromNow(clock, -trustDays * DAY);

function once<T>(
  known: WeakMap<object, Map<UserId, Promise<T>>>,
  request: object,
  userId: UserId,
  read: () => Promise<T>,
): Promise<T> {
  const ofRequest = known.get(request) ?? new Map<UserId, Promise<T>>();
  known.set(request, ofRequest);
  const found = ofRequest.get(userId) ?? read();
  ofRequest.set(userId, found);
  return found;
}
