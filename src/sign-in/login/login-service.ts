import type { SignInOutcome } from '#sign-in/interaction/module.ts';
import type { AuditLog, By } from '#audit/module.ts';
import { type AttemptOutcome, LONGEST_SHOWN_WAIT, type PasswordAttempts } from '#credentials/module.ts';
import { type Clock, SECOND, fromNow } from '#kernel/clock.ts';
import { canonicalEmail, canonicalIdentifier, type ReadUser, type UserService } from '#directory/users/module.ts';
import { userSignInFailed } from '#sign-in/interaction/events.ts';

type LoginOutcome =
  /** `act`: what is written with the proof. `user`: as read before the password was checked; null for one who was created since. */
  | (Extract<AttemptOutcome, { kind: 'verified' }> & { user: ReadUser | null })
  | { kind: 'wrong' }
  | { kind: 'throttled'; until: Date; waitSeconds: number };

export type LoginDependencies = {
  clock: Clock;
  users: Pick<UserService, 'findWhole'>;
  passwordAttempts: Pick<PasswordAttempts, 'attempt'>;
  /** Counts a try from an address before it is made; `forgive` takes back the one that was right. */
  addressLimit: {
    take(ip: string | undefined): Promise<{ allowed: true } | { allowed: false; retryAfter: number }>;
    forgive(ip: string | undefined): Promise<void>;
  };
  /** Called for every try that was checked and wrong, whether or not there is such an account. */
  pressure: { noteFailure(trial: { ip: string | undefined; identifier: string }): Promise<void> };
  audit: Pick<AuditLog, 'note'>;
  counted?: ((outcome: SignInOutcome) => void) | undefined;
};

type Attempt = { identifier: string; password: string; deviceSecret: string | undefined };

/** Checks email address or username, and password, of a sign-in. */
export class LoginService {
  readonly #deps: LoginDependencies;

  constructor(dependencies: LoginDependencies) {
    this.#deps = dependencies;
  }

  /** Checks a password. An unknown address, a disabled account and a wrong password have the same cost and response. */
  async attempt({ identifier, password, deviceSecret }: Attempt, by: By): Promise<LoginOutcome> {
    const { users, passwordAttempts, addressLimit, audit } = this.#deps;
    const ip = by.visitor?.ip;
    const address = await addressLimit.take(ip);
    if (!address.allowed) return this.#counted(this.#throttled(fromNow(this.#deps.clock, address.retryAfter * SECOND)));

    const user = await users.findWhole(identifier);
    const holder = user?.id ?? `unknown:${canonicalIdentifier(identifier) ?? identifier}`;
    // A user who may not sign in counts as one without a password: the right one neither reveals itself nor resets the failures.
    const userId = user?.status === 'active' ? user.id : null;
    // The system before knows users by their addresses.
    const email = canonicalEmail(identifier) === null ? (user?.email ?? null) : identifier;
    const asked = email !== null && (user === null || userId !== null) ? { identifier: email } : {};
    const outcome = await passwordAttempts.attempt({
      holder,
      account: user?.id ?? null,
      deviceSecret,
      userId,
      password,
      ...asked,
    });

    if (outcome.kind === 'verified') {
      await addressLimit.forgive(ip);
      return this.#counted({ ...outcome, user });
    }
    if (outcome.kind === 'wrong') await this.#deps.pressure.noteFailure({ ip, identifier });
    await audit.note(
      userSignInFailed({
        ...by,
        ...(user ? { subject: { type: 'user', id: user.id } } : {}),
        outcome: 'failure',
        details: {
          reason: outcome.kind === 'wrong' && user !== null && userId === null ? 'disabled' : outcome.kind,
          known_account: user !== null,
        },
      }),
    );
    if (outcome.kind === 'throttled') return this.#counted(this.#throttled(outcome.until));
    return this.#counted({ kind: 'wrong' });
  }

  #throttled(until: Date | null): LoginOutcome {
    const { clock } = this.#deps;
    const end = until ?? fromNow(clock, LONGEST_SHOWN_WAIT);
    return {
      kind: 'throttled',
      until: end,
      waitSeconds: Math.max(1, Math.ceil((end.getTime() - clock.now().getTime()) / SECOND)),
    };
  }

  #counted(outcome: LoginOutcome): LoginOutcome {
    this.#deps.counted?.(outcome.kind);
    return outcome;
  }
}
