import {
  instance,
  leastPasswordLength,
  type Policies,
  type PolicySubject,
  type UserPolicies,
} from '#settings/module.ts';
import type { User, UserId } from '#directory/users/module.ts';
import type { BreachedPasswords } from './breached-passwords.ts';
import type { PasswordProblem } from './password-problem.ts';
import { weaknessOf } from './password-strength.ts';

/** The user of the new password: known facts about a user do not make a password. */
export type PasswordOwner = {
  /** Null while there is no account yet. */
  userId: UserId | null;
  email?: string | null | undefined;
  username?: string | null | undefined;
  name?: string | undefined;
};

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

  minimumLength(subject: PolicySubject): number {
    return leastPasswordLength(this.#deps.policies.for(subject));
  }

  /** A password is of no one organization: the rules of all organizations of the user count. */
  async minimumLengthOf(userId: UserId): Promise<number> {
    return leastPasswordLength(await this.#deps.policies.ofUser(userId));
  }

  /** Null when the password may be set. Others may be asked about it: never within a transaction. */
  async check(
    password: string,
    { userId, email, username, name = '' }: PasswordOwner,
  ): Promise<PasswordProblem | null> {
    const { breached, isReused, policies } = this.#deps;
    const { branding, ...inForce } = userId === null ? policies.for(instance) : await policies.ofUser(userId);
    const { password: policy } = inForce;
    const weakness = await weaknessOf(password, {
      minimumLength: leastPasswordLength(inForce),
      minimumScore: policy.minimumScore,
      about: [
        PRODUCT,
        branding.name,
        ...policy.blockedWords,
        ...(email ?? '').split(/[@.]/),
        username ?? '',
        ...name.split(/\s+/),
      ],
    });
    if (weakness !== null) return weakness;
    if (userId !== null && (await isReused(userId, password))) return { kind: 'reused' };
    return (await breached.has(password, policy)) ? { kind: 'breached' } : null;
  }
}
