import {
  instance,
  leastPasswordLength,
  type Policies,
  type Policy,
  type PolicySubject,
  type UserPolicies,
} from '#settings/module.ts';
import type { User, UserId } from '#directory/users/module.ts';
import type { BreachedPasswords } from './breached-passwords.ts';
import type { FieldRules, PasswordProblem } from './password-problem.ts';
import { type AboutUser, wordsAbout } from './password-rule.ts';
import { weaknessOf } from './password-strength.ts';
import { MOST_WORDS_IN_PAGE } from '../limits.ts';

/** The user of the new password; without an id while there is no account yet. */
export type PasswordOwner = AboutUser & { userId: UserId | null };

/** The owner of an account that exists. */
export const passwordOwner = (user: Pick<User, 'id' | 'email' | 'username' | 'profile'>): PasswordOwner => ({
  userId: user.id,
  email: user.email,
  username: user.username,
  name: user.profile.name,
});

type Dependencies = {
  policies: Policies<'password' | 'branding' | 'mfa'> & UserPolicies<'password' | 'branding' | 'mfa'>;
  breached: Pick<BreachedPasswords, 'has'>;
  /** Whether the user has it, or had it. */
  isReused(userId: UserId, password: string): Promise<boolean>;
};

const PRODUCT = 'Latchkey';

/** Which passwords may be set, in every place where one is. */
export class PasswordPolicy {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** For the field of a new password. */
  rules(subject: PolicySubject): FieldRules {
    return fieldRules(this.#deps.policies.for(subject));
  }

  /** A password is of no one organization: the rules of all organizations of the user count. */
  async rulesOf(userId: UserId): Promise<FieldRules> {
    return fieldRules(await this.#deps.policies.ofUser(userId));
  }

  async minimumLengthOf(userId: UserId): Promise<number> {
    return leastPasswordLength(await this.#deps.policies.ofUser(userId));
  }

  /** Null when the password may be set. Others may be asked about it: never within a transaction. */
  async check(password: string, owner: PasswordOwner): Promise<PasswordProblem | null> {
    const { breached, isReused, policies } = this.#deps;
    const { userId } = owner;
    const inForce = userId === null ? policies.for(instance) : await policies.ofUser(userId);
    const weakness = await weaknessIn(inForce, password, owner);
    if (weakness !== null) return weakness;
    if (userId !== null && (await isReused(userId, password))) return { kind: 'reused' };
    return (await breached.has(password, inForce.password)) ? { kind: 'breached' } : null;
  }

  /** The part of `check` without other services and the database: for a form that is refused anyway. */
  weakness(password: string, owner: AboutUser): Promise<PasswordProblem | null> {
    return weaknessIn(this.#deps.policies.for(instance), password, owner);
  }
}

type InForce = { password: Policy<'password'>; branding: Policy<'branding'>; mfa: Policy<'mfa'> };

const wordsOfHouse = ({ branding, password }: InForce): string[] => [PRODUCT, branding.name, ...password.blockedWords];

const fieldRules = (inForce: InForce): FieldRules => ({
  minimumLength: leastPasswordLength(inForce),
  minimumScore: inForce.password.minimumScore,
  words: wordsOfHouse(inForce).slice(0, MOST_WORDS_IN_PAGE),
});

function weaknessIn(inForce: InForce, password: string, owner: AboutUser): Promise<PasswordProblem | null> {
  return weaknessOf(password, {
    minimumLength: leastPasswordLength(inForce),
    minimumScore: inForce.password.minimumScore,
    about: [...wordsOfHouse(inForce), ...wordsAbout(owner)],
  });
}
