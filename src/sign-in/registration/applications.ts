import type { AboutUser, NewPasswordProblem, PasswordProblem, PasswordService } from '#credentials/module.ts';
import { type Clock, fromNow, HOUR, SECOND } from '#kernel/clock.ts';
import { addressKey } from '#kernel/http/address.ts';
import type { Throttle } from '#kernel/throttle.ts';
import { instance, type Policies } from '#settings/module.ts';
import type { Application } from './pending-registration.ts';

/** The values of the form, with the password as typed. */
export type Wish = Omit<Application, 'passwordHash'> & { password: string | null };
/** Without an email address there is a username. */
type AnyWish = Omit<Wish, 'email'> & { email: string | null; username?: string };

export type Refusal =
  | { kind: 'throttled'; until: Date; waitSeconds: number }
  | { kind: 'refused'; problem: PasswordProblem };

export type ApplicationsDependencies = {
  clock: Clock;
  throttle: Pick<Throttle, 'consume'>;
  passwords: Pick<PasswordService, 'check' | 'hash' | 'weakness'>;
  policies: Policies<'limits'>;
};

/** Forms of an address that are checked to the end for each account that it may make. */
const CHECKS_PER_ACCOUNT = 5;

/** Checks of every registration, for a free and for a taken address: the limit, the password rules, the hash. */
export class Applications {
  readonly #deps: ApplicationsDependencies;

  constructor(dependencies: ApplicationsDependencies) {
    this.#deps = dependencies;
  }

  /** Counts a try from an address before it is made; an act without an address has no limit here. */
  async take(ip: string | undefined): Promise<Extract<Refusal, { kind: 'throttled' }> | null> {
    if (ip === undefined) return null;
    const { clock, throttle, policies } = this.#deps;
    const { limits } = policies.for(instance);
    const policy = { name: 'registration-address', points: limits.accountsPerAddress, duration: HOUR };
    const take = await throttle.consume(policy, addressKey(ip));
    if (take.allowed) return null;
    return { kind: 'throttled', until: fromNow(clock, take.retryAfter * SECOND), waitSeconds: take.retryAfter };
  }

  /** The problem of the password in a form that is refused for another reason, too. An address that asks too often learns it later. */
  async problemOf(password: string, about: AboutUser, ip: string | undefined): Promise<NewPasswordProblem | null> {
    if (password === '') return { kind: 'required' };
    const { passwords, policies, throttle } = this.#deps;
    const points = policies.for(instance).limits.accountsPerAddress * CHECKS_PER_ACCOUNT;
    const policy = { name: 'registration-password', points, duration: HOUR };
    const take = ip === undefined ? { allowed: true } : await throttle.consume(policy, addressKey(ip));
    return take.allowed ? passwords.weakness(password, about) : null;
  }

  async prepare<W extends AnyWish>(
    wish: W,
    ip: string | undefined,
  ): Promise<{ kind: 'prepared'; application: Omit<W, 'password'> & { passwordHash: string | null } } | Refusal> {
    const throttled = await this.take(ip);
    if (throttled !== null) return throttled;
    const { password, ...rest } = wish;
    if (password === null) return { kind: 'prepared', application: { ...rest, passwordHash: null } };
    const { passwords } = this.#deps;
    const owner = { userId: null, email: wish.email, username: wish.username, name: wish.profile.name };
    const problem = await passwords.check(password, owner);
    if (problem !== null) return { kind: 'refused', problem };
    return { kind: 'prepared', application: { ...rest, passwordHash: await passwords.hash(password) } };
  }
}
